"""Benchmarks: Taskplane beside Celery, measured in one run on the same servers.

See docs/benchmarks.md; `scripts/bench` runs them.
"""
