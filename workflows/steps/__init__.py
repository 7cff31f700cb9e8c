"""How one step starts, and how it ends."""
