"""A seeded history to look at: an incident at night, told the same way on every page."""
