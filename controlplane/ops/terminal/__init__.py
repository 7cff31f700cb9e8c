"""`manage.py top`: the work of one workspace in a terminal, live, with the actions that matter."""
