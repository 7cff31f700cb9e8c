"""Tasks: the rows that remember work, the transitions that move them, the engine that runs them."""
