"""Reads of replays: their stages, and what failed again."""

from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

from django.db import connection
from django.db.models import Count, F, Q, QuerySet

from controlplane.core.clock import now
from controlplane.core.errors import NotFound
from controlplane.core.formatting import percent_done
from controlplane.core.sql import load_sql
from dlq.fingerprints import normalise
from dlq.models import LetterGroup, Replay, ReplayTask
from dlq.states import ReplayState

_MAX_FAILING = 20
_MAX_RUNNING = 50
_LATELY = timedelta(days=1)
_MAX_LATELY = 100


@dataclass(frozen=True, slots=True)
class StageView:
    """One stage that has begun. `size` is None for the rest after the canary."""

    number: int  # from 0
    size: int | None
    submitted: int
    succeeded: int
    failed: int  # failed, cancelled or deleted


@dataclass(frozen=True, slots=True)
class FailingGroup:
    """Tasks of a replay that failed again in the same way."""

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
    progress: float  # see percent_replayed


def list_replays(workspace_id: UUID) -> QuerySet[Replay]:
    """Replays of a workspace, newest first."""
    return Replay.objects.filter(workspace_id=workspace_id)


def get_replay(workspace_id: UUID, replay_id: UUID) -> Replay:
    """One replay of a workspace. Raises NotFound."""
    replay = Replay.objects.filter(workspace_id=workspace_id, id=replay_id).first()
    if replay is None:
        raise NotFound(f"There is no replay {replay_id}.")
    return replay


def list_running(workspace_id: UUID) -> list[Replay]:
    """The newest replays that run."""
    running = Replay.objects.filter(workspace_id=workspace_id, state=ReplayState.RUNNING)
    return list(running.order_by("-id")[:_MAX_RUNNING])


def list_lately(workspace_id: UUID) -> list[Replay]:
    """The replays that run, then those that ended within a day, the last first."""
    is_shown = Q(state=ReplayState.RUNNING) | Q(finished_at__gte=now() - _LATELY)
    found = Replay.objects.filter(is_shown, workspace_id=workspace_id)
    return list(found.order_by(F("finished_at").desc(nulls_first=True), "-id")[:_MAX_LATELY])


def is_of_group(replay: Replay, group: LetterGroup) -> bool:
    """Whether it reprocesses the letters of just this group, by its filter."""
    found = replay.filter
    types = found.get("type", [group.type])
    return bool(found.get("fingerprint") == [group.fingerprint] and types == [group.type])


def describe_replay(replay: Replay) -> ReplayView:
    """A replay with its stages and the failures that repeated."""
    return ReplayView(
        replay=replay,
        stages=list_stages(replay),
        failing=list_failing(replay.id),
        progress=percent_replayed(replay),
    )


def list_stages(replay: Replay) -> list[StageView]:
    """The stages that have begun."""
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
    return [
        StageView(
            row["stage"], sizes.get(row["stage"]), row["submitted"], row["succeeded"], row["failed"]
        )
        for row in rows
    ]


def percent_replayed(replay: Replay) -> float:
    """Percent of the matched letters that ended or were skipped."""
    return percent_done(replay.succeeded + replay.failed + replay.skipped, replay.matched)


def list_failing(replay_id: UUID, *, limit: int = _MAX_FAILING) -> list[FailingGroup]:
    """The groups of failures among a replay's tasks, the largest first."""
    with connection.cursor() as cursor:
        cursor.execute(
            load_sql("dlq", "group_replay_failures"), {"replay": replay_id, "limit": limit}
        )
        groups = [FailingGroup(*row) for row in cursor.fetchall()]
        return [replace(group, message=normalise(group.message)) for group in groups]
