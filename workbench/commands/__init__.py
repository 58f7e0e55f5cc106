"""The commands of `workbench`, a file for each kind of thing they are about."""
