"""What a new task takes over from an earlier one: by Clone, Edit and retry, Copy as curl."""

from typing import Any
from uuid import UUID

from controlplane.core.clock import now, utc_z
from tasks_app.models import Task
from tasks_app.processors import registry
from tasks_app.queries.tasks import get_parent_states
from tasks_app.services.dependencies import get_newest_reprocessings
from tasks_app.states import ParentFailure, TaskState

BROKEN = (TaskState.FAILED, TaskState.CANCELLED)


def list_own_options(task: Task) -> dict[str, Any]:
    """The options that a submission of its type and payload alone would choose differently, by
    their names in the API. If this release does not have the type, all that a type chooses.

    Parents are left out; so is the idempotency key, which would give the first task again.
    """
    kind = registry.find(task.type)
    # A row does not say whether a value was given: what a submission would choose, and what it has.
    options: dict[str, tuple[Any, Any]] = {
        "name": (task.type, task.name),
        "queue": (kind and kind.queue, task.queue.name),
        "priority": (0, task.priority),
        "runAt": (None, _time_to_come(task)),
        "maxAttempts": (kind and kind.max_attempts, task.round_attempts),
        "timeoutSeconds": (
            kind and round(kind.timeout_seconds * 1_000) / 1_000,
            task.timeout_ms / 1_000,
        ),
        "onParentFailure": (ParentFailure.CANCEL.value, task.on_parent_failure),
        "tags": ([], task.tags),
        "retry": (None, task.retry),
    }
    return {name: own for name, (chosen, own) in options.items() if own != chosen}


def list_parents(task: Task) -> list[UUID]:
    """The tasks that one with the same work has to wait for, or has results of: its parents that
    still exist, each that did not complete replaced by the newest task that repeats its work."""
    states = get_parent_states(task.workspace_id, task.id)
    broken = [parent for parent, state in states.items() if state in BROKEN]
    newest = get_newest_reprocessings(task.workspace_id, broken) if broken else {}
    return list(dict.fromkeys(newest.get(parent, parent) for parent in states))


def _time_to_come(task: Task) -> str | None:
    """Not before this time. Once the task has started, the column has that of a back-off."""
    if task.attempt or task.run_at is None or task.run_at <= now():
        return None
    return utc_z(task.run_at)
