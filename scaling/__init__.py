"""Scaling: how many workers there should be."""
