"""Reads of the page Performance."""
