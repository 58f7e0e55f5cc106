"""The same in cells of a notebook."""
