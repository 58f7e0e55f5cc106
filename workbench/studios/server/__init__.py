"""The server: who comes in, what is served, and who may do what."""
