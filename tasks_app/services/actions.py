"""One action on many tasks, in bounded batches with one transaction each."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from django.db import transaction

from controlplane.workspaces.actors import Actor
from tasks_app.filters import TaskFilter
from tasks_app.queries.lists import in_bounded_time, iterate_ids
from tasks_app.services.control import (
    cancel_tasks,
    delete_tasks,
    lock_priorities,
    reprioritize_tasks,
    retry_tasks,
)
from tasks_app.states import FINAL, WAITING, TaskState

MAX_PER_CALL = 50_000
_SECONDS_PER_BATCH = 10.0

# What each action applies to. A filter's retry leaves COMPLETED tasks alone unless it names them.
_APPLIES_TO: dict[str, frozenset[TaskState]] = {
    "cancel": WAITING | {TaskState.RUNNING},
    "retry": FINAL,
    "reprioritize": WAITING,
    "delete": FINAL,
}


@dataclass(frozen=True, slots=True)
class ActionResult:
    """How many tasks matched and changed; `has_more` if the limit of a call was reached."""

    matched: int
    changed: int
    is_dry_run: bool
    has_more: bool


def act_on_tasks(
    *,
    workspace_id: UUID,
    actor: Actor,
    action: str,
    wanted: TaskFilter,
    priority: int | None = None,
    dry_run: bool = False,
    until: UUID | None = None,
    replaced: dict[UUID, int] | None = None,
) -> ActionResult:
    """Do `action` (cancel, retry, reprioritize, delete) to the matching tasks, oldest first, at
    most MAX_PER_CALL. Each batch is committed by itself and audited. `until` is the last id that
    is changed: tasks that are submitted later are left alone. `replaced` is filled with the earlier
    priorities of those that were given another.

    Raises Invalid when finding them takes too long.
    """
    act = _verb(
        action, workspace_id=workspace_id, actor=actor, priority=priority, replaced=replaced
    )
    matched = changed = 0
    for batch in _batches(workspace_id, wanted, _states(action, wanted), until):
        room = batch[: MAX_PER_CALL - matched]
        matched += len(room)
        if not dry_run:
            changed += act(room)
        if len(room) < len(batch):
            return ActionResult(matched, changed, dry_run, has_more=True)
    return ActionResult(matched, changed, dry_run, has_more=False)


def _states(action: str, wanted: TaskFilter) -> list[str]:
    states = _APPLIES_TO[action]
    if action == "retry" and not wanted.ids and not wanted.statuses:
        states -= {TaskState.COMPLETED}
    return sorted(state.value for state in states)


def _verb(
    action: str,
    *,
    workspace_id: UUID,
    actor: Actor,
    priority: int | None,
    replaced: dict[UUID, int] | None,
) -> Callable[[Sequence[UUID]], int]:
    def cancel(ids: Sequence[UUID]) -> int:
        ended, asked = cancel_tasks(workspace_id=workspace_id, ids=ids, actor=actor)
        return len(ended) + len(asked)

    if action == "cancel":
        return cancel
    if action == "reprioritize":
        if priority is None:
            raise ValueError("reprioritize needs a priority")
        verb = partial(_reprioritize, priority=priority, replaced=replaced)
    else:
        verb = partial({"retry": retry_tasks, "delete": delete_tasks}[action])
    return lambda ids: len(verb(workspace_id=workspace_id, ids=ids, actor=actor))


def _reprioritize(
    *,
    workspace_id: UUID,
    ids: Sequence[UUID],
    priority: int,
    actor: Actor,
    replaced: dict[UUID, int] | None,
) -> list[UUID]:
    with transaction.atomic():
        before = lock_priorities(workspace_id=workspace_id, ids=ids) if replaced is not None else {}
        changed = reprioritize_tasks(
            workspace_id=workspace_id, ids=ids, priority=priority, actor=actor
        )
    if replaced is not None:
        replaced |= {task_id: before[task_id] for task_id in changed}
    return changed


def _batches(
    workspace_id: UUID, wanted: TaskFilter, states: Sequence[str], until: UUID | None
) -> Iterator[list[UUID]]:
    """Batches of ids, each found in bounded time; one more id than a call may take."""
    batches = iterate_ids(workspace_id, wanted, states=states, most=MAX_PER_CALL + 1, until=until)
    while True:
        with in_bounded_time(_SECONDS_PER_BATCH):
            batch = next(batches, None)
        if batch is None:
            return
        yield batch
