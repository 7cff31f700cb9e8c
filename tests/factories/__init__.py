"""Rows for tests, a module for each app.

Factories write a row as it is; where an app's service is the only door to its rows, the functions
call the service. What else a test does to such rows is in the module.
"""

from tests.factories.letters import copy_letter, make_error, make_letter, make_next_letter
from tests.factories.operations import make_items, make_operation
from tests.factories.scaling import (
    make_decision,
    make_launch,
    make_leader,
    make_scaling_event,
    set_pool,
)
from tests.factories.schedules import make_firing, make_job, make_schedule
from tests.factories.stress import make_stress_test
from tests.factories.tasks import (
    copy_rows,
    make_attempt,
    make_attempts,
    make_declaration,
    make_large_tasks,
    make_log,
    make_logs,
    make_node,
    make_queue,
    make_rollup,
    make_sample,
    make_task,
    make_tasks,
)
from tests.factories.views import make_view
from tests.factories.workflows import make_run, make_workflow

__all__ = [
    "copy_letter",
    "copy_rows",
    "make_attempt",
    "make_attempts",
    "make_decision",
    "make_declaration",
    "make_error",
    "make_firing",
    "make_items",
    "make_job",
    "make_large_tasks",
    "make_launch",
    "make_leader",
    "make_letter",
    "make_log",
    "make_logs",
    "make_next_letter",
    "make_node",
    "make_operation",
    "make_queue",
    "make_rollup",
    "make_run",
    "make_sample",
    "make_scaling_event",
    "make_schedule",
    "make_stress_test",
    "make_task",
    "make_tasks",
    "make_view",
    "make_workflow",
    "set_pool",
]
