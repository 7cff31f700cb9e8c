"""Workflows and runs in the admin."""
