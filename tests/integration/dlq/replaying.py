"""Replays for tests: started by the service, driven as the dispatcher does it."""

from datetime import datetime
from typing import Any
from uuid import UUID

import pytest

from controlplane.workspaces.actors import Actor
from controlplane.workspaces.models import Workspace
from dlq import replay_driver, replays
from dlq.filters import LetterFilter
from dlq.models import Replay, ReplayTask
from dlq.replay_driver import ReplayDriver
from tests.factories import make_error
from tests.manual_worker import run_task

EVERYTHING = LetterFilter(everything=True)


def start(workspace: Workspace, actor: Actor, **options: Any) -> Replay:
    return replays.start_replay(
        workspace_id=workspace.id,
        letter_filter=options.pop("letter_filter", EVERYTHING),
        actor=actor,
        **options,
    )


def drive(replay: Replay, at: datetime | None = None) -> Replay:
    """Passes until nothing changes, as if the dispatcher had come round several times."""
    for _ in range(20):
        before = _standing(replay)
        ReplayDriver().drive(now=at)
        replay.refresh_from_db()
        if _standing(replay) == before:
            return replay
    raise AssertionError("The replay never comes to rest.")


def _standing(replay: Replay) -> tuple[Any, ...]:
    return (replay.state, replay.stage, replay.submitted, replay.skipped, replay.failed)


def waiting(replay: Replay) -> list[UUID]:
    """The tasks that the replay has submitted and that have not ended."""
    rows = ReplayTask.objects.filter(replay=replay, outcome="").order_by("letter_id")
    return list(rows.values_list("task_id", flat=True))


def end(tasks: list[UUID], *, failing: int = 0) -> None:
    """End these tasks, the first ones with a failure."""
    for number, task in enumerate(tasks):
        run_task(task, make_error("still broken 1") if number < failing else None)


def drive_with_room(replay: Replay, room: int) -> Replay:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(replay_driver, "MAX_IN_FLIGHT", room)
        return drive(replay)
