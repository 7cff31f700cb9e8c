"""Replays: stages, verdicts, rates, ends. The driver is called as the dispatcher calls it."""

from datetime import timedelta
from typing import Any

import pytest

from controlplane.core.clock import now
from controlplane.core.errors import Conflict, Invalid, NotFound
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.models import AuditEvent, Workspace
from dlq import discard, queries, replay_driver, replays
from dlq.discard import discard_letters
from dlq.filters import LetterFilter
from dlq.models import DeadLetter, Replay, ReplayTask
from dlq.replay_driver import ReplayDriver
from tasks_app.models import Task
from tasks_app.services import delete_tasks, submit_task
from tasks_app.specs import TaskSpec
from tests.clients import other_workspace
from tests.factories import make_error, make_letter
from tests.integration.dlq.replaying import drive, drive_with_room, end, start, waiting
from tests.manual_worker import run_task

pytestmark = pytest.mark.django_db


def test_what_has_not_ended_is_bounded(workspace: Workspace, ada: Actor) -> None:
    for _ in range(6):
        make_letter()
    replay = drive_with_room(start(workspace, ada, stages=()), 4)
    assert (replay.submitted, len(waiting(replay))) == (4, 4)
    end(waiting(replay)[:1])
    assert drive_with_room(replay, 4).submitted == 5


def test_a_rate_is_kept_by_the_clock(workspace: Workspace, ada: Actor) -> None:
    for _ in range(30):
        make_letter()
    replay = start(workspace, ada, stages=(), rate_per_second=4)
    begun = now()

    def submitted_after(seconds: float) -> int:
        return drive(replay, begun + timedelta(seconds=seconds)).submitted

    assert submitted_after(0) == 1
    assert submitted_after(0.1) == 1
    assert submitted_after(0.25) == 2
    assert submitted_after(0.6) == 3
    assert submitted_after(0.75) == 4
    # A pause fills the bucket with one second's worth, once.
    assert submitted_after(60) == 8
    assert submitted_after(60.5) == 10


def test_a_high_rate_takes_several_chunks_at_once(
    workspace: Workspace, ada: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay_driver, "CHUNK", 10)
    for _ in range(40):
        make_letter()
    replay = start(workspace, ada, stages=(), rate_per_second=25)
    begun = now()

    def submit(seconds: float) -> tuple[bool, int]:
        goes_on = ReplayDriver().drive(now=begun + timedelta(seconds=seconds))
        replay.refresh_from_db()
        return goes_on, replay.submitted

    assert submit(0) == (False, 1)
    assert [submit(1), submit(1), submit(1)] == [(True, 11), (True, 21), (False, 26)]
    assert submit(1) == (False, 26)


def test_a_slow_rate_is_kept_too(workspace: Workspace, ada: Actor) -> None:
    for _ in range(5):
        make_letter()
    replay = start(workspace, ada, stages=(), rate_per_second=0.1)
    begun = now()
    counts = [
        drive(replay, begun + timedelta(seconds=seconds)).submitted
        for seconds in (0, 5, 10, 19, 20)
    ]
    assert counts == [1, 1, 2, 2, 3]


def test_what_is_no_longer_open_is_skipped_with_the_reason(
    workspace: Workspace, ada: Actor
) -> None:
    letters = [make_letter(), make_letter(type="was-removed"), make_letter()]
    replay = start(workspace, ada)
    discard.discard_letter(
        workspace_id=workspace.id, letter_id=letters[0].id, reason="paid", actor=ada
    )
    replay = drive(replay)
    assert (replay.submitted, replay.skipped) == (1, 2)
    assert [skip["letterId"] for skip in replay.skips] == [str(row.id) for row in letters[:2]]
    assert "discarded by ada: paid" in replay.skips[0]["reason"]
    assert "was-removed" in replay.skips[1]["reason"]
    end(waiting(replay))
    replay = drive(replay)
    assert (replay.state, replay.succeeded) == ("COMPLETED", 1)
    assert queries.describe_replay(replay).progress == 100.0


@pytest.mark.parametrize("pace", [{"stages": (2,)}, {"stages": (), "rate_per_second": 1}])
def test_what_is_skipped_takes_no_room(
    workspace: Workspace, ada: Actor, pace: dict[str, Any]
) -> None:
    """Or a replay whose letters others have resolved would crawl past them, a stage at a time."""
    letters = [make_letter() for _ in range(9)]
    replay = start(workspace, ada, **pace)
    discard_letters(
        workspace_id=workspace.id, ids=[row.id for row in letters[:7]], reason="paid", actor=ada
    )
    ReplayDriver().drive()
    replay.refresh_from_db()
    assert (replay.skipped, replay.submitted) == (7, len(pace["stages"]) + 1)


def test_what_is_refused_is_passed_without_a_pause(
    workspace: Workspace, ada: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay_driver, "_MAX_CHUNKS", 3)
    for _ in range(7):
        make_letter(type="was-removed")
    make_letter()
    replay = start(workspace, ada, stages=(1,))
    assert [ReplayDriver().drive() for _ in range(4)] == [True, True, False, False]
    replay.refresh_from_db()
    assert (replay.skipped, replay.submitted) == (7, 1)


def test_letters_that_are_written_later_are_not_included(workspace: Workspace, ada: Actor) -> None:
    """Or a failure that repeats would be repeated for ever."""
    make_letter()
    replay = start(workspace, ada, stages=())
    make_letter()
    replay = drive(replay)
    end(waiting(replay), failing=1)
    replay = drive(replay)
    assert (replay.state, replay.submitted, replay.failed) == ("COMPLETED", 1, 1)
    assert DeadLetter.objects.filter(status="OPEN").count() == 2


def test_a_replay_takes_ids_a_payload_and_attempts(workspace: Workspace, ada: Actor) -> None:
    wanted = [make_letter(), make_letter()]
    make_letter()
    replay = start(
        workspace,
        ada,
        letter_filter=LetterFilter(ids=tuple(letter.id for letter in wanted)),
        payload={"corrected": True},
        max_attempts=1,
    )
    replay = drive(replay)
    tasks = Task.objects.filter(id__in=waiting(replay))
    assert {task.reprocess_of for task in tasks} == {letter.task_id for letter in wanted}
    assert {(task.payload["corrected"], task.max_attempts) for task in tasks} == {(True, 1)}


def test_a_family_is_replayed_parents_first(workspace: Workspace, ada: Actor) -> None:
    parent = submit_task(spec=TaskSpec(type="test-echo"))
    child = submit_task(spec=TaskSpec(type="test-echo", depends_on=[parent]))
    run_task(parent, make_error())
    replay = drive(start(workspace, ada, stages=(1,)))
    assert Task.objects.get(id=waiting(replay)[0]).reprocess_of == parent
    end(waiting(replay))
    replay = drive(replay)
    (again,) = Task.objects.filter(id__in=waiting(replay))
    assert (again.reprocess_of, again.state) == (child, "PENDING")


def test_a_task_that_was_deleted_or_cancelled_has_not_completed(
    workspace: Workspace, ada: Actor
) -> None:
    make_letter()
    replay = drive(start(workspace, ada))
    (task,) = waiting(replay)
    run_task(task)
    delete_tasks(workspace_id=workspace.id, ids=[task], actor=ada)
    replay = drive(replay)
    assert (replay.state, replay.failed) == ("STOPPED", 1)
    assert ReplayTask.objects.get(replay=replay).outcome == "DELETED"


def test_a_cancelled_replay_submits_no_more_and_still_counts(
    workspace: Workspace, ada: Actor
) -> None:
    for _ in range(8):
        make_letter()
    replay = drive(start(workspace, ada))
    after = replays.cancel_replay(workspace_id=workspace.id, replay_id=replay.id, actor=ada)
    assert (after.state, after.finished_at is not None) == ("CANCELLED", True)
    end(waiting(replay))
    replay = drive(replay)
    assert (replay.state, replay.submitted, replay.succeeded) == ("CANCELLED", 5, 5)
    with pytest.raises(Conflict, match="already ended: it is CANCELLED"):
        replays.cancel_replay(workspace_id=workspace.id, replay_id=replay.id, actor=ada)
    actions = AuditEvent.objects.filter(target_type="replay").order_by("id")
    assert list(actions.values_list("action", flat=True)) == ["dlq.replay", "dlq.replay_cancel"]


def test_a_paused_replay_submits_nothing_until_it_is_resumed(
    workspace: Workspace, ada: Actor
) -> None:
    for _ in range(8):
        make_letter()
    replay = drive(start(workspace, ada))
    key: Any = {"workspace_id": workspace.id, "replay_id": replay.id, "actor": ada}
    with pytest.raises(Conflict, match="is not paused"):
        replays.resume_replay(**key)
    assert replays.pause_replay(**key).paused_at is not None
    with pytest.raises(Conflict, match="already paused"):
        replays.pause_replay(**key)
    end(waiting(replay))
    replay = drive(replay)
    assert (replay.state, replay.submitted, replay.succeeded) == ("RUNNING", 5, 5)
    assert replays.resume_replay(**key).paused_at is None
    assert drive(replay).submitted == 8
    actions = AuditEvent.objects.filter(target_type="replay").order_by("id")
    assert list(actions.values_list("action", flat=True))[1:] == [
        "dlq.replay_pause",
        "dlq.replay_resume",
    ]


def test_a_paused_replay_still_stops_when_failures_repeat(workspace: Workspace, ada: Actor) -> None:
    for _ in range(8):
        make_letter()
    replay = drive(start(workspace, ada))
    replays.pause_replay(workspace_id=workspace.id, replay_id=replay.id, actor=ada)
    end(waiting(replay), failing=2)
    assert drive(replay).state == "STOPPED"
    with pytest.raises(Conflict, match="already ended: it is STOPPED"):
        replays.resume_replay(workspace_id=workspace.id, replay_id=replay.id, actor=ada)


def test_what_a_replay_does_is_audited_in_the_name_of_who_began_it(
    workspace: Workspace, ada: Actor
) -> None:
    make_letter()
    replay = drive(start(workspace, ada))
    (event,) = AuditEvent.objects.filter(action="dlq.reprocess")
    assert (event.actor_label, event.detail["replayId"]) == ("ada", str(replay.id))


def test_replays_of_another_workspace_do_not_exist(workspace: Workspace, ada: Actor) -> None:
    other = other_workspace()
    make_letter(workspace=other)
    replay = start(other, ada)
    with pytest.raises(NotFound):
        replays.cancel_replay(workspace_id=workspace.id, replay_id=replay.id, actor=ada)
    with pytest.raises(NotFound):
        queries.get_replay(workspace.id, replay.id)
    with pytest.raises(Conflict, match="nothing to replay"):
        start(workspace, ada)
    assert list(queries.list_replays(other.id)) == [replay]


def test_the_same_key_gives_the_first_replay_again(workspace: Workspace, ada: Actor) -> None:
    make_letter()
    first = start(workspace, ada, key="k")
    drive(first)
    assert start(workspace, ada, key="k").id == first.id
    assert Replay.objects.count() == 1
    with pytest.raises(Conflict, match="another body"):
        start(workspace, ada, key="k", stages=(1,))


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"stages": (0,)}, "stages"),
        ({"stages": (True,)}, "stages"),
        ({"stages": (1,) * 21}, "stages"),
        ({"stages": (1_001,)}, "stages"),
        ({"rate_per_second": 0}, "ratePerSecond"),
        ({"rate_per_second": float("nan")}, "ratePerSecond"),
        ({"max_failure_share": 1.1}, "maxFailureShare"),
        ({"max_attempts": 0}, "maxAttempts"),
        ({"payload": {"x": float("inf")}}, "payload.x"),
        ({"letter_filter": LetterFilter()}, "filter"),
    ],
)
def test_wrong_options_are_named(
    workspace: Workspace, ada: Actor, options: dict[str, Any], field: str
) -> None:
    make_letter()
    with pytest.raises(Invalid) as refused:
        start(workspace, ada, **options)
    assert [e["field"] for e in refused.value.errors] == [field]
    assert not Replay.objects.exists()


def test_a_pass_that_fails_half_way_leaves_nothing_half_done(
    workspace: Workspace, ada: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if the dispatcher were killed after the tasks were submitted, before it wrote so."""
    for _ in range(8):
        make_letter()
    replay = start(workspace, ada)

    class Killed(BaseException):
        pass

    def die_here(*_: Any) -> None:
        raise Killed

    with monkeypatch.context() as broken:
        broken.setattr(replay_driver, "_record", die_here)
        with pytest.raises(Killed):
            ReplayDriver().drive()
    replay.refresh_from_db()
    assert (replay.submitted, replay.after_id, replay.state) == (0, None, "RUNNING")
    assert not Task.objects.filter(reprocess_of__isnull=False).exists()
    assert DeadLetter.objects.filter(status="OPEN").count() == 8
    replay = drive(replay)
    assert replay.submitted == 5
    assert Task.objects.filter(reprocess_of__isnull=False).count() == 5


def test_a_replay_that_cannot_go_on_is_stopped_and_does_not_keep_the_others(
    workspace: Workspace, ada: Actor
) -> None:
    make_letter()
    broken, sound = start(workspace, ada), start(workspace, ada)
    Replay.objects.filter(id=broken.id).update(filter={"colour": "red"})
    assert drive(sound).submitted == 1
    broken.refresh_from_db()
    assert (broken.state, broken.submitted) == ("STOPPED", 0)
    assert AuditEvent.objects.get(action="dlq.replay_end").target_id == str(broken.id)
    assert broken.stop_reason.startswith("An error stopped it: Invalid: filter.colour: Unknown")
