"""A seeded history to look at: an incident at night, the same on every page."""
