"""What can be done to many tasks and queues."""

import json
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Count, Q

from controlplane.core.formatting import format_count
from controlplane.core.ids import parse_uuid
from controlplane.core.schema import Request
from controlplane.core.schema.filters import condition, read_body
from controlplane.core.schema.values import COMMA, Flag, Search, Texts
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.bulk import (
    Applied,
    BulkVerb,
    Chunk,
    Described,
    Rows,
    Selected,
    Target,
    register,
)
from tasks_app import services
from tasks_app.filters import TaskFilter, filter_of_body, filter_to_body
from tasks_app.models import Queue
from tasks_app.queries import get_states, list_queues, list_tasks
from tasks_app.queues import NAME, NAME_RULE
from tasks_app.schema.fields import Priority
from tasks_app.states import FINAL, WAITING, TaskState

_GONE = "The task was removed."
_HELD = WAITING - {TaskState.PENDING}


class PriorityOption(Request):
    """The new priority."""

    priority: Priority


@dataclass(frozen=True, slots=True)
class QueueFilter:
    """Which queues."""

    names: tuple[str, ...] = condition("name", Texts(), COMMA)
    search: str = condition("search", Search(100), "A part of the name.")
    paused: bool | None = condition("paused", Flag(empty=None), "Only paused ones, or the others.")


def _describe_tasks(rows: Rows) -> list[Described]:
    return [Described(str(key), name, state) for key, name, state in _pick(rows, "name", "state")]


def _describe_queues(rows: Rows) -> list[Described]:
    return [
        Described(name, name, "PAUSED" if paused_at else "OPEN")
        for name, paused_at in rows.values_list("name", "paused_at")
    ]


def _pick(rows: Rows, *columns: str) -> Any:
    return rows.values_list("id", *columns)


def _read_name(text: str) -> str:
    if not NAME.fullmatch(text):
        raise ValueError(NAME_RULE)
    return text


def _name_caller(conditions: Mapping[str, Any], actor: Actor) -> Mapping[str, Any]:
    wanted = filter_of_body(conditions)
    named = wanted.asked_by(actor.as_submitter)
    return conditions if named is wanted else filter_to_body(named)


def narrow_queues(workspace_id: UUID, wanted: QueueFilter) -> Rows:
    """The queues of a workspace that match."""
    condition = Q(name__in=wanted.names) if wanted.names else Q()
    if wanted.search:
        condition &= Q(name__icontains=wanted.search)
    if wanted.paused is not None:
        condition &= Q(paused_at__isnull=not wanted.paused)
    return list_queues(workspace_id).filter(condition)


TASKS = Target(
    name="tasks",
    noun="task",
    resource="tasks",
    key="id",
    page="tasks_app_task",
    list_all=lambda workspace_id: list_tasks(workspace_id, TaskFilter(is_internal=True)),
    read_filter=filter_of_body,
    is_everything=lambda wanted: wanted.is_empty,
    narrow=list_tasks,
    describe=_describe_tasks,
    read_key=parse_uuid,
    name_caller=_name_caller,
)
QUEUES = Target(
    name="queues",
    noun="queue",
    resource="queues",
    key="name",
    page="tasks_app_queue",
    list_all=list_queues,
    read_filter=lambda body: read_body(QueueFilter, body),
    is_everything=lambda wanted: wanted == QueueFilter(),
    narrow=narrow_queues,
    describe=_describe_queues,
    read_key=_read_name,
)


def _in(states: frozenset[TaskState]) -> Callable[[Rows, Any], Rows]:
    """In one of these. What has not ended is found by three partial indexes, each of which has to
    recognise its own condition: without them, all that has ended is read too."""
    parts = [FINAL, {TaskState.PENDING}, {TaskState.RUNNING}, _HELD]
    condition = Q()
    for part in parts:
        if chosen := sorted(state.value for state in states & part):
            condition |= Q(state__in=chosen) if chosen[1:] else Q(state=chosen[0])
    return lambda rows, wanted: rows.filter(condition)


def _select_for_retry(rows: Rows, wanted: TaskFilter) -> Rows:
    """COMPLETED tasks are left alone unless the filter names them, by status or id."""
    states = FINAL if wanted.statuses or wanted.ids else FINAL - {TaskState.COMPLETED}
    return _in(states)(rows, wanted)


def _explain(
    chunk: Chunk, changed: Mapping[UUID, str], why: Callable[[str], str], *, same: str = ""
) -> Applied:
    """The outcome of a chunk: of those that did not change, `why` has a sentence for their state;
    those in the state `same` needed no change."""
    rest = [key for key in chunk.keys if key not in changed]
    states = get_states(chunk.workspace_id, rest) if rest else {}
    applied = Applied(changed=dict(changed))
    for key in rest:
        state = states.get(key)
        if state is None or state != same:
            applied.refused[key] = _GONE if state is None else why(state)
    return applied


def _cancel(chunk: Chunk) -> Applied:
    ended, asked = services.cancel_tasks(
        workspace_id=chunk.workspace_id, ids=chunk.keys, actor=chunk.actor
    )
    return _explain(
        chunk,
        dict.fromkeys([*ended, *asked], ""),
        lambda state: f"The task has already ended: it is {state}.",
        same=TaskState.CANCELLED,
    )


def _retry(chunk: Chunk) -> Applied:
    reasons = services.explain_no_retry(workspace_id=chunk.workspace_id, ids=chunk.keys)
    retried = services.retry_tasks(
        workspace_id=chunk.workspace_id, ids=chunk.keys, actor=chunk.actor
    )
    applied = _explain(
        chunk,
        dict.fromkeys(retried, ""),
        lambda state: f"Only an ended task can be retried; this one is {state}.",
    )
    for key in applied.refused.keys() & reasons.keys():
        applied.refused[key] = reasons[key]
    return applied


def _reprioritize(chunk: Chunk) -> Applied:
    return _set_priorities(chunk, dict.fromkeys(chunk.keys, chunk.options["priority"]))


def _restore_priority(chunk: Chunk) -> Applied:
    wanted = {key: int(chunk.before[key]) for key in chunk.keys}
    return _set_priorities(chunk, wanted, given=chunk.undone["priority"])


def _set_priorities(
    chunk: Chunk, wanted: Mapping[UUID, int], *, given: int | None = None
) -> Applied:
    """Give each task its priority; with `given`, only those that have that one."""
    before = services.lock_priorities(workspace_id=chunk.workspace_id, ids=chunk.keys)
    by_priority: dict[int, list[UUID]] = defaultdict(list)
    for key, priority in before.items():
        if given in (None, priority):
            by_priority[wanted[key]].append(key)
    changed: dict[UUID, str] = {}
    for priority, keys in sorted(by_priority.items()):
        done = services.reprioritize_tasks(
            workspace_id=chunk.workspace_id, ids=keys, priority=priority, actor=chunk.actor
        )
        changed |= {key: str(before[key]) for key in done}
    applied = _explain(
        chunk, changed, lambda state: f"Only a waiting task takes a priority; this one is {state}."
    )
    states = get_states(chunk.workspace_id, sorted(applied.refused))
    for key in (each for each, state in states.items() if state in WAITING):
        if before[key] == wanted[key]:
            applied.unchanged[key] = "It has this priority already."
            del applied.refused[key]
        else:
            applied.refused[key] = f"It has been given the priority {before[key]} since."
    return applied


def _delete(chunk: Chunk) -> Applied:
    deleted = services.delete_tasks(
        workspace_id=chunk.workspace_id, ids=chunk.keys, actor=chunk.actor
    )
    applied = _explain(
        chunk,
        dict.fromkeys(deleted, ""),
        lambda state: f"Only an ended task can be deleted; this one is {state}.",
    )
    gone = [key for key, why in applied.refused.items() if why == _GONE]
    for key in gone:
        applied.unchanged[key] = applied.refused.pop(key)
    return applied


def _run_now(chunk: Chunk) -> Applied:
    started = services.run_tasks_now(
        workspace_id=chunk.workspace_id, ids=chunk.keys, actor=chunk.actor
    )
    return _explain(
        chunk,
        dict.fromkeys(started, ""),
        lambda state: f"Only a task that waits for its time can run now; this one is {state}.",
        same=TaskState.PENDING,
    )


def _pause_queues(chunk: Chunk) -> Applied:
    return _set_paused(chunk, is_paused=True)


def _resume_queues(chunk: Chunk) -> Applied:
    return _set_paused(chunk, is_paused=False)


def _set_paused(chunk: Chunk, *, is_paused: bool) -> Applied:
    """Notes the pause that has begun, which is the one that an undo ends, or the reason of the one
    that has ended, which an undo gives back."""
    queues = services.lock_queues(workspace_id=chunk.workspace_id, names=chunk.keys)
    applied = Applied()
    for name in chunk.keys:
        queue = queues.get(name)
        noted = json.loads(chunk.before.get(name) or "{}")  # the release before noted nothing
        if queue is None:
            applied.refused[name] = "The queue was removed."
        elif (queue.paused_at is not None) == is_paused:
            applied.unchanged[name] = f"It was {'paused' if is_paused else 'not paused'} already."
        elif not is_paused and noted.get("begun", _pause_of(queue)) != _pause_of(queue):
            applied.refused[name] = "Its pause has been changed since."
        else:
            reason = noted.get("ended", chunk.reason) if is_paused else chunk.reason
            after = services.change_queue(
                workspace_id=chunk.workspace_id,
                name=name,
                actor=chunk.actor,
                changes={"paused": is_paused, "reason": reason},
            )
            note = {"begun": _pause_of(after)} if is_paused else {"ended": queue.pause_reason}
            applied.changed[name] = json.dumps(note)
    return applied


def _pause_of(queue: Queue) -> list[str]:
    return [str(queue.paused_at), queue.pause_reason]


def _count_states(selected: Selected) -> dict[str, int]:
    """How many tasks are in each state; empty if there are too many to count."""
    if selected.is_estimate:
        return {}
    counts = selected.rows.order_by().values_list("state").annotate(number=Count("id"))
    return dict(counts)


def _tell_cancel(selected: Selected) -> str:
    counts = _count_states(selected)
    waiting = sum(counts.get(state, 0) for state in WAITING)
    running = counts.get(TaskState.RUNNING, 0)
    parts = []
    if waiting:
        parts.append(f"{format_count(waiting, 'waiting task')} will end at once")
    if running:
        parts.append(f"{format_count(running, 'running task')} will be asked to stop")
    first = ", and ".join(parts) or f"{TASKS.count(selected.count)} will be cancelled"
    return f"{first}. Tasks that depend on them will be cancelled too."


def _tell_retry(selected: Selected) -> str:
    counts = _count_states(selected)
    completed = counts.get(TaskState.COMPLETED, 0)
    rest = sum(counts.values()) - completed
    parts = [f"{TASKS.count(completed)} that completed"] if completed else []
    parts += [f"{TASKS.count(rest)} that did not complete"] if rest else []
    return f"{' and '.join(parts) or TASKS.count(selected.count)} will run again."


def _tell_priority(selected: Selected) -> str:
    priority = selected.options["priority"]
    return f"{TASKS.count(selected.count)} will have the priority {priority}."


def _tell_restore(selected: Selected) -> str:
    tasks = TASKS.count(selected.count)
    return f"{tasks} will have their earlier priority, unless it has been changed since."


def _tell_delete(selected: Selected) -> str:
    return f"{TASKS.count(selected.count)} will be removed for good, with attempts and logs."


def _tell_run_now(selected: Selected) -> str:
    return f"{TASKS.count(selected.count)} will be ready at once instead of waiting for the time."


def _tell_pause(selected: Selected) -> str:
    queues = QUEUES.count(selected.count)
    return f"{queues} will start no tasks until resumed. Tasks that run continue."


def _tell_resume(selected: Selected) -> str:
    return f"{QUEUES.count(selected.count)} will start tasks again, at once."


register(
    BulkVerb(TASKS, "cancel", "Cancel", _in(WAITING | {TaskState.RUNNING}), _cancel, _tell_cancel),
    BulkVerb(TASKS, "retry", "Retry", _select_for_retry, _retry, _tell_retry),
    BulkVerb(
        TASKS, "reprioritize", "Change the priority of", _in(WAITING), _reprioritize,
        _tell_priority, options=PriorityOption, undone_by="restore-priority",
    ),
    BulkVerb(
        TASKS, "restore-priority", "Restore the priority of", _in(WAITING), _restore_priority,
        _tell_restore, needs_origin=True,
    ),
    BulkVerb(TASKS, "delete", "Delete", _in(FINAL), _delete, _tell_delete),
    BulkVerb(
        TASKS, "run-now", "Run now", _in(frozenset({TaskState.SCHEDULED, TaskState.RETRYING})),
        _run_now, _tell_run_now,
    ),
    BulkVerb(
        QUEUES, "pause", "Pause", lambda rows, wanted: rows.filter(paused_at__isnull=True),
        _pause_queues, _tell_pause, undone_by="resume", shows_reason=True, chunk=20,
    ),
    BulkVerb(
        QUEUES, "resume", "Resume", lambda rows, wanted: rows.filter(paused_at__isnull=False),
        _resume_queues, _tell_resume, undone_by="pause", chunk=20,
    ),
)  # fmt: skip
