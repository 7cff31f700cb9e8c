"""Runs of workflows: started, moved on, stopped, retried."""

from workflows.runs.operations import (
    advance_run,
    cancel_run,
    check_execution,
    decide_step,
    execute_workflow,
    get_started,
)
from workflows.runs.retry import retry_run

__all__ = [
    "advance_run",
    "cancel_run",
    "check_execution",
    "decide_step",
    "execute_workflow",
    "get_started",
    "retry_run",
]
