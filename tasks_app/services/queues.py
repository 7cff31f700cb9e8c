"""Queues of a workspace: found or made, paused and limited."""

import logging
from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from controlplane.core.clock import now
from controlplane.core.errors import Invalid, NotFound
from controlplane.core.process_state import register_reset
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.services import record_audit
from tasks_app import transitions
from tasks_app.models import Queue
from tasks_app.queues import MAX_PAUSE_REASON, NAME, NAME_RULE
from tasks_app.rows import NewTask
from tasks_app.states import TaskState
from tasks_app.wakeup_senders import MAX_WAKE_UPS
from tasks_app.wakeups import notify_workers

logger = logging.getLogger(__name__)

MAX_QUEUES = 1_000  # of one workspace: each is a turn in every claim

_known: dict[tuple[UUID, str], int] = {}
_names: dict[int, str] = {}
_PENDING = TaskState.PENDING.value


class Lanes:
    """The lanes of one workspace, as one submission needs them: each is looked up once."""

    def __init__(self, workspace_id: UUID, *, using: str) -> None:
        self.workspace_id = workspace_id
        self._using = using
        self._found: dict[str, int] = {}

    def get(self, name: str, *, field: str = "queue") -> int:
        """The id of the workspace's queue of this name, made when it is new.

        Raises Invalid for a name that cannot be one, or one queue too many.
        """
        lane = self._found.get(name) or _known.get((self.workspace_id, name))
        if lane is None:
            lane = self._look_up(name, field)
        self._found[name] = lane
        return lane

    def _look_up(self, name: str, field: str) -> int:
        if not NAME.fullmatch(name):
            raise Invalid(errors=[{"field": field, "message": NAME_RULE}])
        queues = Queue.objects.using(self._using).filter(workspace_id=self.workspace_id, name=name)
        lane = queues.values_list("id", flat=True).first()
        if lane is None:
            lane = _make(self.workspace_id, name, using=self._using, field=field)
        key = (self.workspace_id, name)
        # A row made in a transaction that may yet roll back must not be remembered.
        transaction.on_commit(lambda: _known.__setitem__(key, lane), using=self._using)
        return lane


def forget_lanes() -> None:
    """Clear the cache, for example when the tables were emptied."""
    _known.clear()
    _names.clear()


register_reset(forget_lanes)


def get_lane_name(lane: int, *, using: str) -> str:
    """The name of the queue that a lane belongs to."""
    if lane not in _names:
        _names[lane] = Queue.objects.using(using).values_list("name", flat=True).get(id=lane)
    return _names[lane]


def notify_for(rows: Sequence[NewTask], wrapper: BaseDatabaseWrapper) -> None:
    """Wake workers for new rows, once the transaction that is open on `wrapper` is committed."""
    if len(rows) == 1:  # most have one
        ready = {rows[0].queue_id: 1} if rows[0].state == _PENDING else {}
    else:
        ready = Counter(row.queue_id for row in rows if row.state == _PENDING)
    for lane, count in ready.items():
        name = get_lane_name(lane, using=wrapper.alias)
        if wrapper.in_atomic_block or not wrapper.autocommit:
            wrapper.on_commit(partial(_wake, name, count))
        else:
            _wake(name, count)


def _wake(queue: str, wake_ups: int) -> None:
    try:
        notify_workers(queue, wake_ups)
    except Exception:
        # The tasks are there, and the dispatcher will find them.
        logger.exception("Workers not woken: queue=%s", queue)


def _make(workspace_id: UUID, name: str, *, using: str, field: str) -> int:
    queues = Queue.objects.using(using)
    if queues.filter(workspace_id=workspace_id).count() >= MAX_QUEUES:
        message = f"A workspace may have {MAX_QUEUES} queues, and has them already."
        raise Invalid(errors=[{"field": field, "message": message}])
    queue, _ = queues.get_or_create(workspace_id=workspace_id, name=name)
    return int(queue.id)


def change_queue(*, workspace_id: UUID, name: str, actor: Actor, changes: dict[str, Any]) -> Queue:
    """Change `paused` (bool), `max_running`, `rate_per_second` (None lifts the limit). `reason`
    says why it is paused or resumed; that of a pause stays with the queue, until another one is
    given together with `paused`. Audited.

    Raises NotFound.
    """
    with transaction.atomic():
        queue = (
            Queue.objects.select_for_update().filter(workspace_id=workspace_id, name=name).first()
        )
        if queue is None:
            raise NotFound(f"There is no queue {name!r}.")
        before = _limits(queue)
        reason: str = changes.get("reason") or ""
        if "paused" in changes and changes["paused"] != (queue.paused_at is not None):
            queue.paused_at = now() if changes["paused"] else None
            queue.paused_by = actor.label[:200] if changes["paused"] else ""
            queue.pause_reason = reason[:MAX_PAUSE_REASON] if changes["paused"] else ""
        elif changes.get("paused") and "reason" in changes:
            queue.pause_reason = reason[:MAX_PAUSE_REASON]
        if "max_running" in changes:
            queue.max_running = changes["max_running"]
        if "rate_per_second" in changes:
            queue.rate_per_second = changes["rate_per_second"]
            queue.rate_tokens, queue.rate_at = 0, now()
        queue.save()
        record_audit(
            workspace=workspace_id,
            actor=actor,
            action="queue.change",
            target_type="queue",
            target_id=name,
            detail={
                "before": before,
                "after": _limits(queue),
                **({"reason": reason} if reason else {}),
            },
        )
        # Whatever was held back may be ready now.
        transaction.on_commit(lambda: notify_workers(name, wake_ups=MAX_WAKE_UPS), robust=True)
    return queue


def lock_queues(*, workspace_id: UUID, names: Sequence[str]) -> dict[str, Queue]:
    """These queues by name, which are locked until the transaction ends."""
    queues = Queue.objects.filter(workspace_id=workspace_id, name__in=list(names))
    return {queue.name: queue for queue in queues.order_by("name").select_for_update()}


def _limits(queue: Queue) -> dict[str, Any]:
    return {
        "paused": queue.paused_at is not None,
        "maxRunning": queue.max_running,
        "ratePerSecond": queue.rate_per_second,
    }


def promote_due(*, limit: int) -> dict[str, int]:
    """SCHEDULED, RETRYING → PENDING for at most `limit` due tasks. Returns how many per queue."""
    with transaction.atomic(), connection.cursor() as cursor:
        return transitions.promote_due(cursor, limit=limit)
