"""The HTTP API of workflows and their runs."""

from workflows.api.runs import Runs
from workflows.api.workflows import Workflows

__all__ = ["Runs", "Workflows"]
