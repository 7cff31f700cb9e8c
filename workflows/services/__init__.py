"""Writes of workflows and their runs, one verb per use case."""

from workflows.services.definitions import (
    create_workflow,
    delete_workflow,
    update_workflow,
    validate_workflow,
)
from workflows.services.retention import prune_runs
from workflows.services.retrying import retry_run
from workflows.services.running import (
    advance_run,
    cancel_run,
    check_execution,
    decide_step,
    execute_workflow,
)
from workflows.services.watch import make_watch, mend_steps

__all__ = [
    "advance_run",
    "cancel_run",
    "check_execution",
    "create_workflow",
    "decide_step",
    "delete_workflow",
    "execute_workflow",
    "make_watch",
    "mend_steps",
    "prune_runs",
    "retry_run",
    "update_workflow",
    "validate_workflow",
]
