"""The processors that every installation has. Importing this package registers them."""

from tasks_app.processors.builtin import loads

__all__ = ["loads"]
