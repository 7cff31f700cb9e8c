"""Submission as the HTTP API does it: the answer shows the task, and the first one again."""

from collections.abc import Sequence
from uuid import UUID

from controlplane.core.errors import Conflict, Invalid
from controlplane.core.jsonb import load_jsonb
from tasks_app.filters import TaskFilter
from tasks_app.models import Task
from tasks_app.processors import registry
from tasks_app.queries import describe_tasks, list_tasks
from tasks_app.queries.lists import MAX_PARENTS_SHOWN
from tasks_app.rows import NewTask
from tasks_app.services.preparation import Spec
from tasks_app.services.submission import (
    Submission,
    submit_once,
    submit_rows,
    submit_tasks,
)


def accept_task(*, workspace_id: UUID, spec: Spec) -> tuple[Task, bool]:
    """Submit one task; the task, described, and whether it is new.

    Without a key this is one statement. Raises Invalid, TooLarge, and Conflict when the key was
    used with another body or its task was removed.
    """
    if spec.idempotency_key is None:
        rows = submit_rows(workspace_id=workspace_id, specs=[spec])
        return _as_task(rows[0], spec), True
    done = submit_once(
        workspace_id=workspace_id,
        key=spec.idempotency_key,
        specs=[spec],
    )
    task = list_tasks(workspace_id, TaskFilter(ids=(done.ids[0],))).first()
    if task is None:
        raise Conflict("The task of this idempotency key has been removed; use a new key.")
    return describe_tasks([task])[0], done.is_new


def accept_tasks(*, workspace_id: UUID, specs: Sequence[Spec], key: str | None) -> Submission:
    """Submit the tasks of one bulk call, all or none. Raises Invalid, TooLarge, Conflict."""
    try:
        if key is None:
            ids = submit_tasks(workspace_id=workspace_id, specs=specs)
            return Submission(ids=ids, is_new=True)
        return submit_once(workspace_id=workspace_id, key=key, specs=specs)
    except Invalid as error:
        if len(specs) != 1:
            raise
        # The service takes one spec for a task by itself; here it is one of a list.
        raise Invalid(
            errors=[{**e, "field": f"tasks[0].{e['field']}"} for e in error.errors]
        ) from error


def _as_task(row: NewTask, spec: Spec) -> Task:
    """What was inserted, described, without reading it."""
    values = row._asdict()
    for column in ("payload", "retry", "error"):
        values[column] = None if values[column] is None else load_jsonb(values[column])
    task = Task(**values)
    parents = [UUID(str(parent)) for parent in dict.fromkeys(spec.depends_on)]
    # As describe_tasks gives them.
    task.queue_name = registry.get(row.type).queue if spec.queue is None else spec.queue  # type: ignore[attr-defined] # for represent
    task.worker_node = None  # type: ignore[attr-defined] # for represent
    task.parents = parents[:MAX_PARENTS_SHOWN]  # type: ignore[attr-defined] # for represent
    return task
