"""Reads of workflows and their runs."""

from workflows.selectors.definitions import get_version, get_workflow, list_workflows
from workflows.selectors.runs import get_newest_run, get_run, list_runs

__all__ = [
    "get_newest_run",
    "get_run",
    "get_version",
    "get_workflow",
    "list_runs",
    "list_workflows",
]
