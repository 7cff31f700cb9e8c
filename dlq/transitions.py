"""The only writers of letters' `status` and replays' `state`: guarded updates.

What the update returns says who won: a letter is resolved once, a replay ends once.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import connections

from controlplane.core.clock import now
from controlplane.core.sql import load_sql
from dlq.models import DeadLetter, Replay
from dlq.rows import NewLetter
from dlq.states import LetterStatus, ReplayState

_LABEL = 200  # of who did it, as long as the column


def insert_letters(rows: Sequence[NewLetter], *, using: str) -> int:
    """Write OPEN letters in one statement; how many were new. A death has one letter."""
    if not rows:
        return 0
    columns = dict(zip(NewLetter._fields, (list(c) for c in zip(*rows, strict=True)), strict=True))
    with connections[using].cursor() as cursor:
        cursor.execute(load_sql("dlq", "insert_letters"), columns | {"now": now()})
        return int(cursor.rowcount)


def mark_reprocessed(
    pairs: Sequence[tuple[UUID, UUID]], *, by: str = "", using: str = "default"
) -> list[UUID]:
    """OPEN → REPROCESSED of the letters of these ended tasks, with the task that repeats each."""
    with connections[using].cursor() as cursor:
        cursor.execute(
            load_sql("dlq", "mark_reprocessed"),
            {
                "tasks": [old for old, _ in pairs],
                "repeats": [new for _, new in pairs],
                "by": by[:_LABEL],
                "now": now(),
            },
        )
        return [row[0] for row in cursor.fetchall()]


def name_resolver(tasks: Sequence[UUID], *, workspace_id: UUID, by: str) -> int:
    """Say who had these tasks' letters reprocessed; only where nobody is named yet."""
    letters = DeadLetter.objects.filter(
        workspace_id=workspace_id,
        task_id__in=tasks,
        status=LetterStatus.REPROCESSED,
        resolved_by="",
    )
    return letters.update(resolved_by=by[:_LABEL])


def discard_open(ids: Sequence[UUID], *, workspace_id: UUID, reason: str, by: str) -> list[UUID]:
    """OPEN → DISCARDED, locked in the order of ids; those that were."""
    letters = DeadLetter.objects.filter(
        workspace_id=workspace_id, id__in=ids, status=LetterStatus.OPEN
    )
    found = list(letters.order_by("id").select_for_update().values_list("id", flat=True))
    DeadLetter.objects.filter(id__in=found).update(
        status=LetterStatus.DISCARDED,
        discard_reason=reason,
        resolved_by=by[:_LABEL],
        resolved_at=now(),
    )
    return found


def end_replay(
    replay_id: UUID, *, state: ReplayState, reason: str = "", at: datetime | None = None
) -> bool:
    """RUNNING → an end; whether this call ended it."""
    running = Replay.objects.filter(id=replay_id, state=ReplayState.RUNNING)
    return bool(running.update(state=state, stop_reason=reason, finished_at=at or now()))
