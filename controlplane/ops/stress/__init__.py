"""Stress tests: a bounded load on a queue of its own, and a verdict on what came of it."""
