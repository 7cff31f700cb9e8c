"""Tasks: their rows, the transitions of their states, and the engine that runs them."""
