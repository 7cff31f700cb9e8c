"""The processors that every installation has. Importing this package registers them."""

from tasks_app.processors.builtin import (
    data_processing,
    django_task,
    file_stats,
    http_request,
    loads,
    upkeep,
)

__all__ = ["data_processing", "django_task", "file_stats", "http_request", "loads", "upkeep"]
