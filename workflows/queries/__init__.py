"""Reads of workflows and their runs."""

from workflows.queries.definitions import (
    get_version,
    get_workflow,
    list_versions,
    list_workflows,
)
from workflows.queries.run_view import (
    RunView,
    describe_page,
    describe_rows,
    describe_run,
    describe_step,
)
from workflows.queries.runs import get_newest_run, get_run, list_runs

__all__ = [
    "RunView",
    "describe_page",
    "describe_rows",
    "describe_run",
    "describe_step",
    "get_newest_run",
    "get_run",
    "get_version",
    "get_workflow",
    "list_runs",
    "list_versions",
    "list_workflows",
]
