"""Operators' actions on tasks. Each is audited in its own transaction."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from django.db import connection, transaction

from controlplane.core.errors import Conflict, NotFound
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.services import record_audit
from tasks_app import transitions
from tasks_app.models import Task, TaskAttempt, TaskDependency, TaskLog
from tasks_app.queries import get_workflow_runs
from tasks_app.rows import Cursor, Finished, note_counts
from tasks_app.services.preparation import prepare_changes
from tasks_app.settling import announce_reprocessed, settle_ended
from tasks_app.states import FINAL, ParentFailure, TaskState
from tasks_app.wakeups import notify_workers

_MAX_REPLACED = 20  # values that an event names
_FINAL = [state.value for state in FINAL]


def cancel_task(*, workspace_id: UUID, task_id: UUID, actor: Actor) -> Literal["ended", "asked"]:
    """Cancel one task: a waiting one ends now, a running one is asked to stop.

    Raises NotFound, and Conflict when it has already ended.
    """
    ended, asked = cancel_tasks(workspace_id=workspace_id, ids=[task_id], actor=actor)
    if ended:
        return "ended"
    if asked:
        return "asked"
    task = _get(workspace_id, task_id)
    raise Conflict(f"The task has already ended: it is {task.state}.")


def cancel_tasks(
    *, workspace_id: UUID, ids: Sequence[UUID], actor: Actor, ask_running: bool = True
) -> tuple[list[UUID], list[UUID]]:
    """Cancel the tasks that can be cancelled. Returns the ids that ended now, and those that were
    asked to stop. Without `ask_running`, running tasks continue."""
    with transaction.atomic(), connection.cursor() as cursor:
        # A task that starts or is handed back between the two statements would escape both.
        _lock(workspace_id, ids)
        ended = transitions.cancel_waiting(cursor, workspace_id=workspace_id, ids=list(ids))
        asked = (
            transitions.request_cancel(cursor, workspace_id=workspace_id, ids=list(ids))
            if ask_running
            else []
        )
        _settle(cursor, ended)
        _audit(workspace_id, actor, "task.cancel", [row.id for row in ended] + asked)
    return [row.id for row in ended], asked


def retry_task(*, workspace_id: UUID, task_id: UUID, actor: Actor) -> None:
    """A fresh round of attempts for an ended task.

    Raises NotFound, Conflict when it has not ended, a parent must be retried first, or it belongs
    to a workflow run.
    """
    if retry_tasks(workspace_id=workspace_id, ids=[task_id], actor=actor):
        return
    task = _get(workspace_id, task_id)
    if task.state not in FINAL:
        raise Conflict(f"Only an ended task can be retried; this one is {task.state}.")
    if task.workflow_run_id is not None:
        raise Conflict(describe_step(task.workflow_run_id))
    with transaction.atomic():
        parent = _broken_parents(workspace_id, [task_id]).get(task_id)
    raise Conflict(f"Retry the task it depends on first: {parent} did not complete.")


def describe_step(run_id: UUID) -> str:
    """Why the work of a step is not repeated by itself."""
    return (
        "It is a step of a workflow run, which continues only when the run is retried: "
        f"POST /workflows/runs/{run_id}/retry."
    )


def retry_tasks(*, workspace_id: UUID, ids: Sequence[UUID], actor: Actor) -> list[UUID]:
    """Retry the ended ones of these tasks, leaving out those whose parent did not complete, and
    the tasks of workflow runs: a run is retried as a whole."""
    with transaction.atomic(), connection.cursor() as cursor:
        broken = _broken_parents(workspace_id, ids)
        of_runs = get_workflow_runs(workspace_id, ids)
        free = [i for i in ids if i not in of_runs]
        retried = transitions.retry_ended(
            cursor, workspace_id=workspace_id, ids=[i for i in free if i not in broken]
        )
        announce_reprocessed([(task, task) for task in retried], using="default", by=actor.label)
        _audit(workspace_id, actor, "task.retry", retried)
        _notify_for(retried)
    return retried


def explain_no_retry(*, workspace_id: UUID, ids: Sequence[UUID]) -> dict[UUID, str]:
    """Why `retry_tasks` leaves out some of these tasks, whatever their state. Locks them."""
    with transaction.atomic():
        reasons = {
            task: f"Retry the task it depends on first: {parent} did not complete."
            for task, parent in _broken_parents(workspace_id, ids).items()
        }
    runs = get_workflow_runs(workspace_id, ids)
    return reasons | {task: describe_step(run) for task, run in runs.items()}


def run_task_now(*, workspace_id: UUID, task_id: UUID, actor: Actor) -> None:
    """Skip the wait of a scheduled or retrying task. Raises NotFound, Conflict."""
    if not run_tasks_now(workspace_id=workspace_id, ids=[task_id], actor=actor):
        task = _get(workspace_id, task_id)
        raise Conflict(f"Only a task that waits for its time can run now; it is {task.state}.")


def run_tasks_now(*, workspace_id: UUID, ids: Sequence[UUID], actor: Actor) -> list[UUID]:
    """Skip the wait of those of these tasks that are scheduled or retrying. Returns them."""
    with transaction.atomic(), connection.cursor() as cursor:
        _lock(workspace_id, ids)
        started = transitions.run_now(cursor, workspace_id=workspace_id, ids=list(ids))
        _audit(workspace_id, actor, "task.run_now", started)
        _notify_for(started)
    return started


def check_edit(*, workspace_id: UUID, task_id: UUID, changes: Mapping[str, Any]) -> None:
    """The checks of edit_task. Raises NotFound, Invalid, TooLarge."""
    prepare_changes(changes, type_name=_get(workspace_id, task_id).type)


def edit_task(
    *, workspace_id: UUID, task_id: UUID, changes: Mapping[str, Any], actor: Actor
) -> None:
    """Change `priority`, `run_at`, `payload`, `max_attempts`, `tags` of a task that has not
    started. Raises NotFound, Conflict when it has started, Invalid for wrong values."""
    task = _get(workspace_id, task_id)
    columns = prepare_changes(changes, type_name=task.type)
    if "max_attempts" in columns:
        columns["round_attempts"] = columns["max_attempts"]
    with transaction.atomic(), connection.cursor() as cursor:
        if not transitions.edit_unstarted(
            cursor, workspace_id=workspace_id, task_id=task_id, changes=columns
        ):
            raise Conflict(
                f"Only a task that has not started can be changed; this one is "
                f"{_get(workspace_id, task_id).state}."
            )
        before = {name: getattr(task, name) for name in changes}
        _audit(
            workspace_id,
            actor,
            "task.edit",
            [task_id],
            before=_plain(before),
            after=_plain(changes),
        )
        if task.state != TaskState.PENDING:
            _notify_for([task_id])


def reprioritize_tasks(
    *, workspace_id: UUID, ids: Sequence[UUID], priority: int, actor: Actor
) -> list[UUID]:
    """Change the priority of waiting tasks. Returns those that were changed."""
    waiting = [s.value for s in TaskState if s not in FINAL and s != TaskState.RUNNING]
    with transaction.atomic():
        tasks = Task.objects.filter(
            workspace_id=workspace_id, id__in=list(ids), state__in=waiting
        ).exclude(priority=priority)
        before = dict(tasks.order_by("id").select_for_update().values_list("id", "priority"))
        changed = list(before)
        Task.objects.filter(id__in=changed).update(priority=priority)
        replaced = sorted(set(before.values()))[:_MAX_REPLACED]
        _audit(
            workspace_id,
            actor,
            "task.reprioritize",
            changed,
            priority=priority,
            before={"priority": replaced[0] if len(replaced) == 1 else replaced},
        )
    return changed


def lock_priorities(*, workspace_id: UUID, ids: Sequence[UUID]) -> dict[UUID, int]:
    """The priorities of these tasks, which are locked until the transaction ends."""
    tasks = Task.objects.filter(workspace_id=workspace_id, id__in=list(ids)).order_by("id")
    return dict(tasks.select_for_update(no_key=True).values_list("id", "priority"))


def delete_tasks(*, workspace_id: UUID, ids: Sequence[UUID], actor: Actor) -> list[UUID]:
    """Remove ended tasks with their history. Returns those that were removed."""
    with transaction.atomic(), connection.cursor() as cursor:
        tasks = Task.objects.filter(workspace_id=workspace_id, id__in=list(ids), state__in=_FINAL)
        rows = tasks.order_by("id").select_for_update()
        locked = list(rows.values_list("id", "workspace_id", "queue_id", "type", "state"))
        doomed = [task for task, *_ in locked]
        TaskLog.objects.filter(task_id__in=doomed).delete()
        TaskAttempt.objects.filter(task_id__in=doomed).delete()
        TaskDependency.objects.filter(task_id__in=doomed).delete()
        TaskDependency.objects.filter(depends_on_id__in=doomed, is_satisfied=True).delete()
        Task.objects.filter(id__in=doomed).delete()
        kinds = Counter((owner, queue, kind, state) for _, owner, queue, kind, state in locked)
        note_counts(cursor, {kind: -number for kind, number in kinds.items()})
        _audit(workspace_id, actor, "task.delete", doomed)
    return doomed


def _get(workspace_id: UUID, task_id: UUID) -> Task:
    task = Task.objects.filter(workspace_id=workspace_id, id=task_id).first()
    if task is None:
        raise NotFound(f"There is no task {task_id}.")
    return task


def _lock(workspace_id: UUID, ids: Iterable[UUID]) -> dict[UUID, str]:
    """Lock these tasks, in the order of ids like all other code. Returns their states."""
    tasks = Task.objects.filter(workspace_id=workspace_id, id__in=list(ids))
    return dict(tasks.order_by("id").select_for_update(no_key=True).values_list("id", "state"))


def _broken_parents(workspace_id: UUID, ids: Sequence[UUID]) -> dict[UUID, UUID]:
    """Tasks that would wait for ever, since a parent did not complete and is not retried with
    them, with that parent. Locks them and their parents: a parent that ended before the commit
    would not see that its child waits again."""
    edges = list(
        TaskDependency.objects.filter(
            task_id__in=list(ids), is_satisfied=False, task__on_parent_failure=ParentFailure.CANCEL
        ).values_list("task_id", "depends_on_id")
    )
    states = _lock(workspace_id, {*ids, *(parent for _, parent in edges)})
    hopeless = {None, TaskState.FAILED.value, TaskState.CANCELLED.value}
    retried = set(ids) & set(states)
    broken: dict[UUID, UUID] = {}
    while more := {
        task: parent
        for task, parent in edges
        if task not in broken and parent not in retried and states.get(parent) in hopeless
    }:
        broken |= more
        retried -= set(more)
    return broken


def _settle(cursor: Cursor, ended: list[Finished]) -> None:
    for queue in settle_ended(cursor, ended, using="default"):
        transaction.on_commit(lambda queue=queue: notify_workers(queue))  # type: ignore[misc]


def _notify_for(ids: Sequence[UUID]) -> None:
    queues = (
        Task.objects.filter(id__in=list(ids), state=TaskState.PENDING)
        .values_list("queue__name", flat=True)
        .distinct()
    )
    for queue in list(queues):
        transaction.on_commit(
            lambda queue=queue: notify_workers(queue, wake_ups=len(ids)),  # type: ignore[misc]
            robust=True,
        )


def _audit(
    workspace_id: UUID, actor: Actor, action: str, ids: Sequence[UUID], **detail: Any
) -> None:
    """One audit row per call, with the first hundred tasks and their total number."""
    if not ids:
        return
    record_audit(
        workspace=workspace_id,
        actor=actor,
        action=action,
        target_type="task",
        target_id=str(ids[0]),
        detail={
            **detail,
            **({"count": len(ids), "ids": [str(i) for i in ids[:100]]} if len(ids) > 1 else {}),
        },
    )


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """For the audit log: times as text, and of a payload, which may hold secrets, only that."""
    return {
        name: "(a payload)"
        if name == "payload"
        else value.isoformat()
        if isinstance(value, datetime)
        else value
        for name, value in values.items()
    }
