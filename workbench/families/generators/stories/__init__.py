"""Stories of the two generator talks."""
