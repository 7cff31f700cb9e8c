"""Reads of workflows and their runs."""

from workflows.queries.definitions import (
    get_version,
    get_workflow,
    list_versions,
    list_workflows,
)
from workflows.queries.run_view import RunView, StepView, describe_run, get_step_result
from workflows.queries.runs import get_newest_run, get_run, list_runs

__all__ = [
    "RunView",
    "StepView",
    "describe_run",
    "get_newest_run",
    "get_run",
    "get_step_result",
    "get_version",
    "get_workflow",
    "list_runs",
    "list_versions",
    "list_workflows",
]
