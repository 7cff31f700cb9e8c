"""What this project adds to the servers that `manage.py serve` runs."""
