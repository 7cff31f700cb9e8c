"""Tasks, queues and nodes in requests and responses, with a module for each."""
