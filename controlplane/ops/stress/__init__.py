"""Stress tests: a bounded load on a separate queue, and a verdict on the result."""
