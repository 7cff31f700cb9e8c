"""Workflows, their steps and their runs in requests and responses."""
