"""The processors that every installation has. Importing this package registers them."""

from tasks_app.processors.builtin import http_request, loads

__all__ = ["http_request", "loads"]
