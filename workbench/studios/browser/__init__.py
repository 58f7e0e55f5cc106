"""Scripts, styles and pages that the browser gets."""
