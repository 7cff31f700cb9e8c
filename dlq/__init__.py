"""The dead letter queue: tasks that used up their attempts."""
