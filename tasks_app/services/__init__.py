"""Writes to tasks, one verb per use case."""

from tasks_app.services.actions import act_on_tasks
from tasks_app.services.async_submission import asubmit_task
from tasks_app.services.control import (
    cancel_task,
    cancel_tasks,
    check_edit,
    delete_tasks,
    edit_task,
    explain_no_retry,
    lock_priorities,
    reprioritize_tasks,
    retry_task,
    retry_tasks,
    run_task_now,
    run_tasks_now,
)
from tasks_app.services.dependencies import ParentEdge, lock_with_parents
from tasks_app.services.queue_descriptors import (
    change_queue_descriptor,
    undo_queue_descriptor,
)
from tasks_app.services.queues import change_queue, lock_queues, promote_due
from tasks_app.services.repeats import repeat_task
from tasks_app.services.retention import (
    prune_everything,
    prune_history,
    prune_registered,
    register_pruner,
)
from tasks_app.services.submission import (
    accept_each,
    accept_task,
    accept_tasks,
    check_task,
    submit_task,
    submit_tasks,
)

__all__ = [
    "ParentEdge",
    "accept_each",
    "accept_task",
    "accept_tasks",
    "act_on_tasks",
    "asubmit_task",
    "cancel_task",
    "cancel_tasks",
    "change_queue",
    "change_queue_descriptor",
    "check_edit",
    "check_task",
    "delete_tasks",
    "edit_task",
    "explain_no_retry",
    "lock_priorities",
    "lock_queues",
    "lock_with_parents",
    "promote_due",
    "prune_everything",
    "prune_history",
    "prune_registered",
    "register_pruner",
    "repeat_task",
    "reprioritize_tasks",
    "retry_task",
    "retry_tasks",
    "run_task_now",
    "run_tasks_now",
    "submit_task",
    "submit_tasks",
    "undo_queue_descriptor",
]
