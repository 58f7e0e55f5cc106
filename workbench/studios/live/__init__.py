"""What follows runs, and draws them."""
