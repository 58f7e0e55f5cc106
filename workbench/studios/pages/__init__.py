"""Pages: what a person sees and does; a family's own page stands in its folder."""
