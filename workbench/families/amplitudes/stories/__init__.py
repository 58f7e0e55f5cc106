"""Stories of the two amplitude talks."""
