"""Workflows: runs of dependent steps."""
