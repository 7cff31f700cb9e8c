"""What is decided about nominal times, one dispatcher at a time."""

from datetime import UTC, datetime
from typing import Any

import pytest

from controlplane.ops.schedules import firing as firing_module
from controlplane.ops.schedules.beat import read_beat
from controlplane.ops.schedules.firing import fire_due
from controlplane.ops.schedules.models import Firing, Schedule
from controlplane.ops.schedules.starting import due_to_start
from controlplane.ops.schedules.triggering import trigger_schedule
from controlplane.workspaces.actors import SYSTEM
from controlplane.workspaces.models import AuditEvent
from tasks_app.models import Task
from tests.factories import make_schedule
from tests.factories.schedules import (
    HOUR,
    MINUTE,
    SECOND,
    history,
    record_ends,
    reload,
    start_queued,
    sync_beat,
    update,
)

pytestmark = pytest.mark.django_db

NOON = datetime(2031, 3, 3, 12, 0, tzinfo=UTC)


def finish(firing: Firing, state: str = "COMPLETED", **columns: Any) -> None:
    """End the firing's task, as a worker would."""
    done = {"state": state, "started_at": NOON, "finished_at": NOON + SECOND, "attempt": 1}
    Task.objects.filter(id=firing.task_id).update(**done, **columns)


def test_a_due_time_fires_once_with_its_task() -> None:
    schedule = make_schedule("0 12 * * *", since=NOON - HOUR, payload={"n": 1}, priority=7)
    assert fire_due(now=NOON - SECOND) == 0
    assert fire_due(now=NOON + SECOND) == 1
    assert fire_due(now=NOON + SECOND) == 0
    (firing,) = Firing.objects.all()
    task = Task.objects.get()
    assert (firing.state, firing.kind, firing.task_id) == ("STARTED", "schedule", task.id)
    assert (firing.scheduled_for, firing.late_ms) == (NOON, 1_000)
    assert (task.type, task.payload, task.priority, task.state) == (
        "test-echo", {"n": 1}, 7, "PENDING",
    )  # fmt: skip
    assert task.tags == [f"schedule:{schedule.id}"]
    schedule = reload(schedule)
    assert schedule.next_at == NOON + 24 * HOUR
    assert schedule.considered_until == NOON + SECOND
    assert schedule.periodic_task.total_run_count == 1
    assert schedule.periodic_task.last_run_at == NOON + SECOND


def test_missed_times_are_skipped_and_the_one_in_grace_fires() -> None:
    schedule = make_schedule("*/10 * * * *", since=NOON, overlap="allow")
    fire_due(now=NOON + 30 * MINUTE + 60 * SECOND)
    assert history(schedule) == ["12:10 MISSED", "12:20 MISSED", "12:30 STARTED"]
    fire_due(now=NOON + 41 * MINUTE + SECOND)
    assert history(schedule)[3:] == ["12:40 MISSED"]


def test_the_newest_missed_times_are_made_up_for() -> None:
    schedule = make_schedule(
        "*/10 * * * *", since=NOON, overlap="allow", catch_up=True, catch_up_max=2
    )
    fire_due(now=NOON + 45 * MINUTE)
    assert history(schedule) == [
        "12:10 MISSED", "12:20 MISSED", "12:30 STARTED catch-up", "12:40 STARTED catch-up",
    ]  # fmt: skip
    assert Task.objects.count() == 2


def test_made_up_times_wait_for_each_other() -> None:
    schedule = make_schedule("*/10 * * * *", since=NOON, catch_up=True, overlap="skip")
    fire_due(now=NOON + 30 * MINUTE + SECOND)
    assert history(schedule) == [
        "12:10 STARTED catch-up", "12:20 QUEUED catch-up", "12:30 OVERLAP",
    ]  # fmt: skip
    assert start_queued(now=NOON + 31 * MINUTE) == 0
    finish(Firing.objects.get(state="STARTED"))
    assert start_queued(now=NOON + 31 * MINUTE) == 1
    assert Firing.objects.get(scheduled_for=NOON + 20 * MINUTE).state == "STARTED"


def test_a_long_outage_makes_few_rows_that_account_for_every_time() -> None:
    schedule = make_schedule("@every 1s", since=NOON, catch_up=True, catch_up_max=3)
    assert fire_due(now=NOON + 8 * HOUR) == 3  # portions
    rows = list(Firing.objects.filter(schedule=schedule).order_by("scheduled_for"))
    assert sum(row.times for row in rows) == 8 * 3600
    assert len(rows) == 2 + 1 + 1_000 + 3 + 1
    assert [row.kind for row in rows[-4:]] == ["catch-up"] * 3 + ["schedule"]
    ranges = [row for row in rows if row.times > 1]
    assert all(row.until == row.scheduled_for + (row.times - 1) * SECOND for row in ranges)


def test_overlap_skip() -> None:
    schedule = make_schedule("*/10 * * * *", since=NOON, overlap="skip")
    for minutes in (10, 20, 30):
        fire_due(now=NOON + minutes * MINUTE)
    assert history(schedule) == ["12:10 STARTED", "12:20 OVERLAP", "12:30 OVERLAP"]
    # The task has ended, though nobody has settled the firing yet.
    finish(Firing.objects.get(state="STARTED"))
    fire_due(now=NOON + 40 * MINUTE)
    assert history(schedule)[-1] == "12:40 STARTED"


def test_overlap_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("controlplane.ops.schedules.overlaps.MAX_QUEUED", 2)
    schedule = make_schedule("*/10 * * * *", since=NOON, overlap="queue")
    for minutes in (10, 20, 30, 40):
        fire_due(now=NOON + minutes * MINUTE)
    assert history(schedule) == [
        "12:10 STARTED", "12:20 QUEUED", "12:30 QUEUED", "12:40 QUEUE_FULL",
    ]  # fmt: skip
    for minutes in (20, 30):
        finish(Firing.objects.filter(state="STARTED").latest("scheduled_for"))
        assert start_queued(now=NOON + HOUR) == 1
        assert history(schedule)[minutes // 10 - 1].endswith("STARTED")
        assert start_queued(now=NOON + HOUR) == 0


def test_overlap_allow() -> None:
    schedule = make_schedule("*/10 * * * *", since=NOON, overlap="allow")
    for minutes in (10, 20):
        fire_due(now=NOON + minutes * MINUTE)
    assert history(schedule) == ["12:10 STARTED", "12:20 STARTED"]


def test_a_pause_is_one_row() -> None:
    schedule = make_schedule("*/10 * * * *", since=NOON)
    firing_module.decide_due_times(schedule, NOON)
    schedule.periodic_task.enabled = False
    schedule.periodic_task.save()
    assert fire_due(now=NOON + 10 * MINUTE) == 1  # it sees the pause first
    assert fire_due(now=NOON + HOUR) == 0
    assert reload(schedule).next_at is None
    assert history(schedule) == []
    schedule.periodic_task.enabled = True
    schedule.periodic_task.save()
    assert sync_beat(now=NOON + 2 * HOUR) == 1
    assert history(schedule) == ["12:10 PAUSED x12"]
    assert Firing.objects.get().until == NOON + 2 * HOUR
    assert reload(schedule).next_at == NOON + 130 * MINUTE
    assert fire_due(now=NOON + 2 * HOUR + SECOND) == 0


def test_a_pause_too_long_to_count_says_so() -> None:
    schedule = make_schedule("* * * * *", since=NOON)
    schedule.paused_at, schedule.next_at = NOON, None
    schedule.save()
    sync_beat(now=NOON + 24 * 365 * HOUR)
    row = Firing.objects.get()
    assert row.times == 10_000
    assert "more than 10000" in row.detail


def test_queued_firings_of_a_paused_schedule_wait() -> None:
    schedule = make_schedule("*/10 * * * *", since=NOON, overlap="queue")
    for minutes in (10, 20):
        fire_due(now=NOON + minutes * MINUTE)
    finish(Firing.objects.get(state="STARTED"))
    update(schedule, enabled=False)
    assert start_queued(now=NOON + HOUR) == 0
    update(schedule, enabled=True)
    assert start_queued(now=NOON + HOUR) == 1


def test_a_clock_that_steps_back_fires_nothing_twice() -> None:
    schedule = make_schedule("*/10 * * * *", since=NOON, overlap="allow")
    fire_due(now=NOON + 30 * MINUTE)
    fire_due(now=NOON)
    fire_due(now=NOON + 20 * MINUTE)
    assert reload(schedule).considered_until == NOON + 30 * MINUTE
    fire_due(now=NOON + 40 * MINUTE)
    assert [line[:5] for line in history(schedule)] == ["12:10", "12:20", "12:30", "12:40"]
    assert Task.objects.count() == 2


def test_jitter_is_the_same_for_everybody_and_bounded() -> None:
    schedule = make_schedule("*/10 * * * *", since=NOON, jitter_ms=60_000, overlap="allow")
    fire_due(now=NOON + 10 * MINUTE)
    fire_due(now=NOON + 20 * MINUTE)
    firings = list(Firing.objects.order_by("scheduled_for"))
    delays = []
    for firing in firings:
        task = Task.objects.get(id=firing.task_id)
        assert task.run_at == due_to_start(schedule, firing.scheduled_for)
        assert task.state == "SCHEDULED"
        delays.append(task.run_at - firing.scheduled_for)
    assert all(0 * SECOND <= delay <= MINUTE for delay in delays)
    assert delays[0] != delays[1]


def test_what_cannot_be_submitted_fails_and_the_schedule_goes_on() -> None:
    schedule = make_schedule("*/10 * * * *", since=NOON)
    good = make_schedule("*/10 * * * *", since=NOON)
    schedule.task_type = "gone"
    schedule.save()
    fire_due(now=NOON + 10 * MINUTE)
    fire_due(now=NOON + 20 * MINUTE)
    assert history(schedule) == ["12:10 FAILED", "12:20 FAILED"]
    assert history(good)[0] == "12:10 STARTED"
    failed = Firing.objects.filter(schedule=schedule)[0]
    assert "gone" in failed.error["message"]
    assert failed.finished_at == NOON + 20 * MINUTE


def test_a_schedule_that_breaks_rests_and_blocks_no_other() -> None:
    broken = make_schedule("5 * * * *", since=NOON)
    good = make_schedule("*/10 * * * *", since=NOON + SECOND)
    firings = Firing.objects.filter(schedule=broken)
    # Its timing says that it is current, but its times cannot be computed.
    crontab = broken.periodic_task.crontab
    crontab.minute = "99"
    crontab.save()
    broken.timing = _key(broken)
    broken.save()
    assert fire_due(now=NOON + 10 * MINUTE) == 2
    assert history(good) == ["12:10 STARTED"]
    assert not firings.exists()
    assert broken.id in firing_module._resting


def _key(schedule: Any) -> str:
    fresh = reload(schedule)
    return read_beat(fresh.periodic_task).key(fresh.created_at)


def test_a_trigger_fires_at_once_even_while_paused() -> None:
    schedule = make_schedule("@daily", enabled=False, overlap="skip")
    make = {"workspace_id": schedule.workspace_id, "schedule_id": schedule.id, "actor": SYSTEM}
    first, second = trigger_schedule(**make), trigger_schedule(**make)
    assert (first.state, first.kind, first.triggered_by) == ("STARTED", "manual", "system")
    assert second.state == "STARTED"
    assert Task.objects.count() == 2
    assert AuditEvent.objects.filter(action="schedule.trigger").count() == 2


def test_a_trigger_counts_for_the_overlap() -> None:
    schedule = make_schedule("*/10 * * * *", since=NOON)
    trigger_schedule(workspace_id=schedule.workspace_id, schedule_id=schedule.id, actor=SYSTEM)
    fire_due(now=NOON + 10 * MINUTE)
    assert history(schedule)[-1] == "12:10 OVERLAP"


@pytest.mark.parametrize("state", ["COMPLETED", "FAILED", "CANCELLED"])
def test_settling_notes_what_came_of_it(state: str) -> None:
    make_schedule("0 12 * * *", since=NOON - HOUR)
    fire_due(now=NOON)
    assert record_ends() == 0
    error = {"class": "E", "message": "m", "category": "CODE", "traceback": "long"}
    firing = Firing.objects.get()
    if state == "COMPLETED":
        finish(firing, state, result={"n": 5})
    else:
        finish(firing, state, error=error)
    assert record_ends() == 1
    assert record_ends() == 0
    firing.refresh_from_db()
    assert (firing.state, firing.started_at, firing.finished_at) == (state, NOON, NOON + SECOND)
    if state == "COMPLETED":
        assert (firing.result, firing.error) == ({"n": 5}, None)
    else:
        assert firing.error == {"class": "E", "message": "m", "category": "CODE"}


def test_settling_keeps_no_large_result_and_knows_removed_tasks() -> None:
    schedule = make_schedule("*/10 * * * *", since=NOON, overlap="allow")
    fire_due(now=NOON + 10 * MINUTE)
    fire_due(now=NOON + 20 * MINUTE)
    first, second = Firing.objects.order_by("scheduled_for")
    finish(first, result="x" * 20_000)
    Task.objects.filter(id=second.task_id).delete()
    assert record_ends(limit=1) == 2
    assert history(schedule) == ["12:10 COMPLETED", "12:20 CANCELLED"]
    first.refresh_from_db()
    assert first.result is None


def test_settling_goes_round_behind_long_running_work() -> None:
    schedule = make_schedule("*/10 * * * *", since=NOON, overlap="allow")
    for minutes in (10, 20, 30):
        fire_due(now=NOON + minutes * MINUTE)
    last = Firing.objects.latest("scheduled_for")
    finish(last)
    assert record_ends(limit=1) == 1
    assert history(schedule)[-1] == "12:30 COMPLETED"


def test_work_that_cannot_be_submitted_by_a_fault_is_a_failed_firing() -> None:
    """A model that was sound when the schedule was made; the next nominal time is tried again."""
    schedule = make_schedule(
        "*/10 * * * *", since=NOON, task_type="test-faulty-model", payload={"n": 1}
    )
    Schedule.objects.filter(id=schedule.id).update(payload={"n": 0})
    fire_due(now=NOON + 10 * MINUTE)
    fire_due(now=NOON + 20 * MINUTE)
    assert history(schedule) == ["12:10 FAILED", "12:20 FAILED"]
    firing = Firing.objects.first()
    assert firing is not None
    assert firing.error is not None
    assert firing.error["class"] == "ZeroDivisionError"
