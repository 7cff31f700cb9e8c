"""JSON of the fleet's size, in and out."""
