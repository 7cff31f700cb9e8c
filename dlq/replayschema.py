"""Replays in responses."""

from datetime import datetime
from typing import Any
from uuid import UUID

from controlplane.core.schema import Resource, itself, shown
from dlq.queries import list_failing, list_stages, percent_replayed
from dlq.schema import GroupError
from dlq.states import ReplayState
from tasks_app.states import ErrorCategory


class Replay(Resource):
    """A replay."""

    id: UUID
    status: ReplayState = shown(source="state")
    filter: dict[str, Any] = shown("Which letters it reprocesses.")
    payload: dict[str, Any] | None = shown("Replaces each letter's own payload.", guard="payload")
    max_attempts: int | None
    rate_per_second: float | None = shown("Maximum tasks submitted per second; null: no limit.")
    stages: list[int] = shown("Letters in each stage of the canary; all others come after them.")
    max_failure_share: float = shown(
        "Share of failures in a stage, 0 to 1, above which the replay stops."
    )
    stage: int = shown("The current stage, from 0; len(stages) is the rest.")
    matched: int = shown("Letters that matched when it began.")
    submitted: int = shown("Tasks so far.")
    succeeded: int = shown("Tasks that completed.")
    failed: int = shown("Tasks that failed, were cancelled or deleted.")
    skipped: int = shown("Letters that were no longer open, or whose payload no longer fits.")
    stop_reason: str | None = shown(
        "Why it stopped, with the most frequent failure.",
        compute=lambda replay: replay.stop_reason or None,
        guard="error",
    )
    created_by: str
    created_at: datetime
    paused_at: datetime | None = shown("Start of the pause.")
    finished_at: datetime | None


class StageCount(Resource):
    """One stage that has begun."""

    stage: int = shown("From 0.", source="number")
    size: int | None = shown("null: all the others.")
    submitted: int
    succeeded: int
    failed: int


class Failing(Resource):
    """Tasks of a replay that failed again, in the same way."""

    fingerprint: str
    category: ErrorCategory
    error: GroupError = shown(compute=itself)
    count: int
    letter_id: UUID = shown("The newest of their letters.")


class Skip(Resource):
    """A letter that the replay skipped."""

    letter_id: UUID = shown(source="letterId")
    reason: str = shown(guard="error")


class ReplayDetail(Replay):
    """A replay with its report."""

    progress: float = shown(
        "Percent of its letters that ended or were skipped.", compute=percent_replayed
    )
    stage_counts: list[StageCount] = shown(compute=list_stages)
    still_failing: list[Failing] = shown(
        "The largest groups first.", compute=lambda replay: list_failing(replay.id)
    )
    skips: list[Skip] = shown("The first of the skipped letters.")


class ReplayStarted(Resource):
    """A replay that the dispatcher drives."""

    replay_id: UUID = shown(source="id")
    matched: int
