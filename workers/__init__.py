"""Workers: nodes, their heartbeats, and the slots in which handlers run."""
