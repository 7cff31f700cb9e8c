"""Replays in stages: when the canary goes on, and when it stops by itself."""

import pytest

from controlplane.workspaces.actors import Actor
from controlplane.workspaces.models import AuditEvent, Workspace
from dlq import queries
from dlq.models import DeadLetter
from dlq.replay_driver import ReplayDriver
from tasks_app.models import Task
from tests.factories import make_letter
from tests.integration.dlq.replaying import drive, drive_with_room, end, start, waiting

pytestmark = pytest.mark.django_db


def test_the_canary_goes_on_when_the_first_five_succeed(workspace: Workspace, ada: Actor) -> None:
    for _ in range(60):
        make_letter()
    replay = drive(start(workspace, ada))
    assert (replay.matched, replay.submitted, replay.stage) == (60, 5, 0)
    end(waiting(replay))
    replay = drive(replay)
    assert (replay.submitted, replay.stage, replay.succeeded) == (55, 1, 5)
    end(waiting(replay))
    replay = drive(replay)
    assert (replay.submitted, replay.stage, replay.state) == (60, 2, "RUNNING")
    end(waiting(replay))
    replay = drive(replay)
    assert (replay.state, replay.succeeded, replay.failed, replay.skipped) == (
        "COMPLETED",
        60,
        0,
        0,
    )
    assert replay.finished_at is not None
    view = queries.describe_replay(replay)
    assert [(s.number, s.size, s.submitted, s.succeeded, s.failed) for s in view.stages] == [
        (0, 5, 5, 5, 0),
        (1, 50, 50, 50, 0),
        (2, None, 5, 5, 0),
    ]
    assert (view.progress, view.failing) == (100.0, [])
    letters = DeadLetter.objects.filter(status="REPROCESSED")
    assert (letters.count(), letters.filter(resolved_by="ada").count()) == (60, 60)


def test_the_canary_stops_by_itself_when_failures_repeat(workspace: Workspace, ada: Actor) -> None:
    for _ in range(60):
        make_letter()
    replay = drive(start(workspace, ada))
    end(waiting(replay), failing=2)
    replay = drive(replay)
    assert (replay.state, replay.submitted, replay.succeeded, replay.failed) == (
        "STOPPED",
        5,
        3,
        2,
    )
    again = DeadLetter.objects.order_by("id").last()
    assert again is not None
    assert replay.stop_reason == (
        "Stage 1 of 3: 2 of 5 tasks had not completed when it stopped, above the 20 % limit. "
        "Most frequent (2 times): ValueError: still broken # "
        f"(CODE, fingerprint {again.fingerprint})."
    )
    (group,) = queries.describe_replay(replay).failing
    assert (group.fingerprint, group.count, group.message) == (
        again.fingerprint,
        2,
        "still broken #",
    )
    assert DeadLetter.objects.filter(status="OPEN").count() == 55 + 2
    ReplayDriver().drive()
    assert Task.objects.filter(reprocess_of__isnull=False).count() == 5


def test_failures_up_to_the_share_are_borne(workspace: Workspace, ada: Actor) -> None:
    for _ in range(8):
        make_letter()
    replay = drive(start(workspace, ada, stages=(5,)))
    end(waiting(replay), failing=1)
    replay = drive(replay)
    assert (replay.state, replay.stage, replay.submitted) == ("RUNNING", 1, 8)


def test_a_stage_is_stopped_as_soon_as_its_verdict_is_certain(
    workspace: Workspace, ada: Actor
) -> None:
    """Two of five failed: the others cannot make up for it."""
    for _ in range(8):
        make_letter()
    replay = drive(start(workspace, ada))
    end(waiting(replay)[:2], failing=2)
    replay = drive(replay)
    assert (replay.state, replay.failed) == ("STOPPED", 2)
    end(waiting(replay))
    assert drive(replay).succeeded == 3


def test_a_canary_whose_last_stage_fails_says_so(workspace: Workspace, ada: Actor) -> None:
    """Nothing was left to spare; the repeated failure must be reported all the same."""
    for _ in range(3):
        make_letter()
    replay = drive(start(workspace, ada))
    end(waiting(replay)[:1], failing=1)
    assert drive(replay).state == "RUNNING"  # the others may be waited for
    end(waiting(replay))
    replay = drive(replay)
    assert (replay.state, replay.submitted, replay.failed) == ("STOPPED", 3, 1)
    assert replay.stop_reason.startswith("Stage 1 of 3: 1 of 3 tasks had not completed")
    ended = AuditEvent.objects.get(action="dlq.replay_end")
    assert (ended.target_id, ended.actor_kind) == (str(replay.id), "system")
    assert (ended.detail["state"], ended.detail["failed"]) == ("STOPPED", 1)
    assert ended.detail["reason"] == replay.stop_reason


def test_the_rest_is_stopped_by_its_newest_failures(workspace: Workspace, ada: Actor) -> None:
    for _ in range(70):
        make_letter()
    replay = start(workspace, ada, stages=())
    replay = drive_with_room(replay, 40)
    end(waiting(replay)[:20])
    replay = drive_with_room(replay, 40)
    assert (replay.state, replay.succeeded) == ("RUNNING", 20)
    end(waiting(replay)[:19], failing=19)
    replay = drive_with_room(replay, 40)
    assert replay.state == "STOPPED"
    assert "Without a canary: 19 of 20" in replay.stop_reason
