"""The only writers of letters' `status` and `rerun`, and of the `state` of groups and replays:
guarded updates.

The result of an update shows who won: a letter is resolved once, a replay ends once.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection, connections
from django.db.models import F

from controlplane.core.clock import now
from controlplane.core.sql import load_sql
from dlq.models import DeadLetter, LetterGroup, Replay
from dlq.states import GroupState, LetterRerun, LetterStatus, ReplayState

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
    worker_version: str
    worker_release: str
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
    _settle(locked, LetterRerun.DISCARDED)
    return locked


def note_reruns(outcomes: Mapping[UUID, LetterRerun]) -> None:
    """Write the results of the new tasks of reprocessed letters. A task that completed also did the
    work of the letters before it."""
    for rerun in (LetterRerun.DIED, LetterRerun.GONE):
        ids = [letter for letter, found in outcomes.items() if found == rerun]
        DeadLetter.objects.filter(
            id__in=ids, status=LetterStatus.REPROCESSED, rerun=LetterRerun.NONE
        ).update(rerun=rerun)
    completed = [each for each, found in outcomes.items() if found == LetterRerun.COMPLETED]
    _settle(completed, LetterRerun.COMPLETED)


def _settle(ids: Sequence[UUID], rerun: LetterRerun) -> None:
    if not ids:
        return
    with connection.cursor() as cursor:
        cursor.execute(load_sql("dlq", "settle_letters"), {"ids": list(ids), "rerun": rerun.value})


class GroupChange(NamedTuple):
    """A group whose counts changed: its new deaths, and when the newest of them was. Without a
    workspace: all changes that were folded."""

    workspace_id: UUID | None
    fingerprint: str
    type: str
    deaths: int
    latest: datetime | None


def count_in_groups(changes: Sequence[GroupChange]) -> list[UUID]:
    """Bring groups up to date with folded counts, in the open transaction; RESOLVED → REGRESSED for
    those with new deaths. Returns these."""
    if not changes:
        return []
    workspaces, fingerprints, types, deaths, latest = map(list, zip(*changes, strict=True))
    keys = {"workspaces": workspaces, "fingerprints": fingerprints, "types": types}
    with connection.cursor() as cursor:
        cursor.execute(load_sql("dlq", "make_groups"), keys)
        cursor.execute(
            load_sql("dlq", "count_in_groups"),
            {**keys, "deaths": deaths, "latest": latest, "now": now()},
        )
        return [group for group, is_regressed in cursor.fetchall() if is_regressed]


def resolve_groups(*, after: UUID, since: datetime, limit: int) -> list[tuple[UUID, UUID]]:
    """→ RESOLVED for groups behind `after` whose work is all done, and whose mute has ended.
    Returns the ids of those that changed, each with that of its workspace."""
    with connection.cursor() as cursor:
        cursor.execute(
            load_sql("dlq", "resolve_groups"),
            {"after": after, "since": since, "limit": limit, "now": now()},
        )
        return list(cursor.fetchall())


def end_mutes(*, limit: int) -> list[tuple[UUID, UUID]]:
    """MUTED → OPEN for groups whose mute has ended. Returns the ids of those that changed, each
    with that of its workspace."""
    with connection.cursor() as cursor:
        cursor.execute(load_sql("dlq", "end_mutes"), {"limit": limit, "now": now()})
        return list(cursor.fetchall())


def lock_group(workspace_id: UUID, group_id: UUID) -> LetterGroup:
    """The group, which nobody else changes until the transaction ends."""
    groups = LetterGroup.objects.filter(workspace_id=workspace_id)
    return groups.select_for_update(no_key=True).get(id=group_id)


def decide_group(
    group: LetterGroup, *, state: GroupState | None = None, by: str = "", **columns: Any
) -> None:
    """Write the decision of a person about a locked group: its new state, unless it stays, and
    other columns."""
    if state is not None:
        columns |= {"state": state, "state_at": now(), "state_by": by[:_MAX_LABEL]}
    LetterGroup.objects.filter(id=group.id).update(version=F("version") + 1, **columns)


def end_replay(
    replay_id: UUID, *, state: ReplayState, reason: str = "", at: datetime | None = None
) -> bool:
    """RUNNING → a final state. Returns whether this call ended it."""
    running = Replay.objects.filter(id=replay_id, state=ReplayState.RUNNING)
    return bool(running.update(state=state, stop_reason=reason, finished_at=at or now()))
