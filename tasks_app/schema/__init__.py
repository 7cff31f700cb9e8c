"""What the API takes and shows of tasks, queues and nodes: a module for each."""
