"""Replays and what became of the tasks they submitted."""

from dataclasses import dataclass, replace
from uuid import UUID

from django.db import connection
from django.db.models import Count, Q, QuerySet

from controlplane.core.errors import NotFound
from controlplane.core.percent import percent_done
from controlplane.core.sql import load_sql
from dlq.fingerprints import normalise
from dlq.models import Replay, ReplayTask

_MOST_GROUPS = 20


@dataclass(frozen=True, slots=True)
class StageView:
    """One stage that has begun. `size` is None for the rest, which has no size of its own."""

    number: int  # from 0
    size: int | None
    submitted: int
    succeeded: int
    failed: int  # ended otherwise: failed, cancelled, deleted


@dataclass(frozen=True, slots=True)
class FailingGroup:
    """Tasks of a replay that failed again, by what their failures have in common."""

    fingerprint: str
    category: str
    error_class: str
    message: str
    count: int
    letter_id: UUID  # the newest of them


@dataclass(frozen=True, slots=True)
class ReplayView:
    """A replay with its report."""

    replay: Replay
    stages: list[StageView]
    failing: list[FailingGroup]
    progress: float  # percent of the letters it meant that had their turn and ended


def list_replays(workspace_id: UUID) -> QuerySet[Replay]:
    """Replays of a workspace, newest first."""
    return Replay.objects.filter(workspace_id=workspace_id)


def get_replay(workspace_id: UUID, replay_id: UUID) -> Replay:
    """One replay of a workspace. Raises NotFound."""
    replay = Replay.objects.filter(workspace_id=workspace_id, id=replay_id).first()
    if replay is None:
        raise NotFound(f"There is no replay {replay_id}.")
    return replay


def describe_replay(replay: Replay) -> ReplayView:
    """A replay with its stages and the failures that came again."""
    ended = Q(outcome="") | Q(outcome="COMPLETED")
    rows = (
        ReplayTask.objects.filter(replay=replay)
        .values("stage")
        .annotate(
            submitted=Count("id"),
            succeeded=Count("id", filter=Q(outcome="COMPLETED")),
            failed=Count("id", filter=~ended),
        )
        .order_by("stage")
    )
    sizes = dict(enumerate(replay.stages))
    stages = [
        StageView(
            row["stage"], sizes.get(row["stage"]), row["submitted"], row["succeeded"], row["failed"]
        )
        for row in rows
    ]
    had_turn = replay.succeeded + replay.failed + replay.skipped
    return ReplayView(
        replay=replay,
        stages=stages,
        failing=list_failing(replay.id),
        progress=percent_done(had_turn, replay.matched),
    )


def list_failing(replay_id: UUID, *, most: int = _MOST_GROUPS) -> list[FailingGroup]:
    """What the failures of a replay's tasks have in common, those with the most first."""
    with connection.cursor() as cursor:
        cursor.execute(
            load_sql("dlq", "group_replay_failures"), {"replay": replay_id, "most": most}
        )
        groups = [FailingGroup(*row) for row in cursor.fetchall()]
        return [replace(group, message=normalise(group.message)) for group in groups]
