"""The HTTP API of workflows and their runs."""

from workflows.views.runs import Runs
from workflows.views.workflows import Workflows

__all__ = ["Runs", "Workflows"]
