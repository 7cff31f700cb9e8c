"""What a worker imports with Celery's tasks, before it forks: its pool children then share it, and
the first join does not wait for it."""

from workflows import runs

__all__ = ["runs"]
