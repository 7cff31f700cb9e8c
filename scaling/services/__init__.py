"""What changes the number of workers, or the rules for it."""
