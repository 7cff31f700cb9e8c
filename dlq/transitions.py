"""The only writers of letters' `status` and replays' `state`: guarded updates.

The result of an update shows who won: a letter is resolved once, a replay ends once.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db import connections

from controlplane.core.clock import now
from controlplane.core.sql import load_sql
from dlq.models import DeadLetter, Replay
from dlq.states import LetterStatus, ReplayState

_MAX_LABEL = 200  # the length of the column


class NewLetter(NamedTuple):
    """A letter to insert; JSON columns are JSON text."""

    id: UUID
    workspace_id: UUID
    task_id: UUID
    attempt: int
    name: str
    type: str
    queue: str
    priority: int
    tags: str
    category: str
    fingerprint: str
    error: str
    attempts: str
    attempts_total: int
    payload: str
    task_options: str
    workflow_run_id: UUID | None
    step_key: str | None
    reprocess_of: UUID | None
    died_at: datetime


def insert_letters(rows: Sequence[NewLetter], *, using: str) -> int:
    """Write OPEN letters in one statement. Returns how many were new. Each failure has one
    letter."""
    if not rows:
        return 0
    columns = dict(zip(NewLetter._fields, (list(c) for c in zip(*rows, strict=True)), strict=True))
    with connections[using].cursor() as cursor:
        cursor.execute(load_sql("dlq", "insert_letters"), columns | {"now": now()})
        return int(cursor.rowcount)


def mark_reprocessed(
    pairs: Sequence[tuple[UUID, UUID]], *, by: str = "", using: str = "default"
) -> list[UUID]:
    """OPEN → REPROCESSED for the letters of these ended tasks, each with the task that does its
    work again, and the label of the actor who requested it. Returns those that changed."""
    with connections[using].cursor() as cursor:
        cursor.execute(
            load_sql("dlq", "mark_reprocessed"),
            {
                "tasks": [old for old, _ in pairs],
                "new_tasks": [new for _, new in pairs],
                "by": by[:_MAX_LABEL],
                "now": now(),
            },
        )
        return [row[0] for row in cursor.fetchall()]


def discard_open(ids: Sequence[UUID], *, workspace_id: UUID, reason: str, by: str) -> list[UUID]:
    """OPEN → DISCARDED, locked in the order of ids. Returns those that changed."""
    letters = DeadLetter.objects.filter(
        workspace_id=workspace_id, id__in=ids, status=LetterStatus.OPEN
    )
    locked = list(letters.order_by("id").select_for_update().values_list("id", flat=True))
    DeadLetter.objects.filter(id__in=locked).update(
        status=LetterStatus.DISCARDED,
        discard_reason=reason,
        resolved_by=by[:_MAX_LABEL],
        resolved_at=now(),
    )
    return locked


def end_replay(
    replay_id: UUID, *, state: ReplayState, reason: str = "", at: datetime | None = None
) -> bool:
    """RUNNING → a final state. Returns whether this call ended it."""
    running = Replay.objects.filter(id=replay_id, state=ReplayState.RUNNING)
    return bool(running.update(state=state, stop_reason=reason, finished_at=at or now()))
