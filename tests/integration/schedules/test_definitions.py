"""Making, changing and removing schedules."""

from datetime import UTC, datetime, timezone
from typing import Any
from uuid import uuid4

import pytest
from django_celery_beat.models import CrontabSchedule, PeriodicTask

from controlplane.core.errors import Conflict, Invalid, NotFound, TooLarge
from controlplane.ops.schedules import editing, firing, sweeps, triggering
from controlplane.ops.schedules.models import Firing, Schedule
from controlplane.ops.schedules.queries import describe, get_success_rates, list_schedules
from controlplane.ops.schedules.states import Source
from controlplane.workspaces.actors import SYSTEM
from controlplane.workspaces.models import AuditEvent
from tasks_app.models import Task
from tests.clients import default_workspace, other_workspace
from tests.factories import make_schedule
from tests.factories.schedules import (
    HOUR,
    MINUTE,
    history,
    record_ends,
    reload,
    update,
)

pytestmark = pytest.mark.django_db

NOON = datetime(2031, 3, 3, 12, 0, tzinfo=UTC)
VALUES: dict[str, Any] = {
    "name": "nightly",
    "schedule": "0 2 * * *",
    "timezone": "Europe/Berlin",
    "task_type": "test-echo",
}


def create(**values: Any) -> Schedule:
    return editing.create_schedule(
        workspace_id=default_workspace().id, values={**VALUES, **values}, actor=SYSTEM
    )


def test_a_schedule_is_a_periodic_task_of_beat() -> None:
    start, end = datetime(2030, 1, 1, tzinfo=UTC), datetime(2035, 1, 1, tzinfo=UTC)
    schedule = create(start_at=start, end_at=end, payload={"secret": 1})
    task = PeriodicTask.objects.get()
    crontab = task.crontab
    assert (task.name, task.task, task.enabled) == ("default/nightly", "taskplane.schedule", True)
    assert (crontab.minute, crontab.hour, str(crontab.timezone)) == ("0", "2", "Europe/Berlin")
    assert (task.start_time, task.expires, task.one_off) == (start, end, False)
    assert schedule.next_at == datetime(2030, 1, 1, 1, tzinfo=UTC)
    view = describe(schedule)
    assert view.words == "At 02:00 every day (Europe/Berlin)"
    assert (view.text, view.start_at, view.end_at) == ("0 2 * * *", start, end)
    audit = AuditEvent.objects.get(action="schedule.create")
    assert audit.detail["payload"] == "(a payload)"


def test_periods_and_single_times() -> None:
    every = create(schedule="@every 90s").periodic_task
    assert (every.interval.every, every.interval.period) == (90, "seconds")
    hours = create(name="b", schedule="@every 2h").periodic_task
    assert (hours.interval.every, hours.interval.period) == (2, "hours")
    once = create(name="c", schedule="2033-01-01T08:00:00+01:00")
    assert once.periodic_task.one_off
    assert once.next_at == datetime(2033, 1, 1, 7, tzinfo=UTC)


def test_equal_times_share_a_row_of_beat() -> None:
    create()
    create(name="b")
    assert CrontabSchedule.objects.filter(hour="2", timezone="Europe/Berlin").count() == 1


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"schedule": "61 * * * *"}, "schedule"),
        ({"schedule": "0 0 30 2 *"}, "schedule"),
        ({"schedule": "2020-01-01T00:00:00Z"}, "schedule"),
        ({"schedule": "* * * * " + ",".join(["1"] * 40)}, "schedule"),
        ({"timezone": "Europe/Berln"}, "timezone"),
        ({"name": " "}, "name"),
        ({"name": "x" * 151}, "name"),
        ({"name": "a\0b"}, "name"),
        ({"task_type": ""}, "taskType"),
        ({"task_type": "unheard-of"}, "taskType"),
        ({"workflow_id": uuid4()}, "taskType"),
        ({"task_type": "test-work", "payload": {"ms": "x"}}, "payload.ms"),
        ({"queue": "no queue"}, "queue"),
        ({"priority": 101}, "priority"),
        ({"max_attempts": 0}, "maxAttempts"),
        ({"overlap": "maybe"}, "overlap"),
        ({"catch_up_max": 0}, "catchUpMax"),
        ({"catch_up_max": 1_001}, "catchUpMax"),
        ({"jitter_ms": -1}, "jitterMs"),
        ({"jitter_ms": 86_400_001}, "jitterMs"),
        ({"start_at": NOON, "end_at": NOON}, "endAt"),
        ({"start_at": NOON, "end_at": NOON + HOUR}, "schedule"),
        ({"start_at": NOON.replace(tzinfo=None)}, "startAt"),
        ({"start_at": datetime.max.replace(tzinfo=UTC)}, "startAt"),
        ({"end_at": datetime(1, 1, 1, tzinfo=timezone(14 * HOUR))}, "endAt"),
        ({"schedule": "9999-12-31T23:59:59Z", "start_at": NOON, "end_at": NOON + HOUR}, "schedule"),
    ],
)
def test_wrong_values_name_their_field(values: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        create(**values)
    assert field in [error["field"] for error in refused.value.errors]
    assert not PeriodicTask.objects.exists()


def test_all_wrong_values_are_reported_at_once() -> None:
    with pytest.raises(Invalid) as refused:
        create(name="", schedule="x", overlap="y", task_type="z")
    assert {error["field"] for error in refused.value.errors} == {
        "name", "schedule", "overlap", "taskType",
    }  # fmt: skip


def test_a_payload_that_is_too_large() -> None:
    with pytest.raises(TooLarge):
        create(payload={"x": "y" * 300_000})


def test_names_are_unique_in_a_workspace() -> None:
    create()
    with pytest.raises(Conflict, match="nightly"):
        create()
    editing.create_schedule(workspace_id=other_workspace().id, values=VALUES, actor=SYSTEM)
    assert Schedule.objects.count() == 2


def test_a_schedule_is_created_whole_or_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("no audit")

    monkeypatch.setattr(editing, "_audit", fail)
    with pytest.raises(RuntimeError):
        create()
    assert not PeriodicTask.objects.exists()
    assert not Schedule.objects.exists()


def test_another_workspace_finds_nothing() -> None:
    schedule = create()
    theirs = {"workspace_id": other_workspace().id, "schedule_id": schedule.id, "actor": SYSTEM}
    with pytest.raises(NotFound):
        editing.update_schedule(changes={"enabled": False}, **theirs)
    with pytest.raises(NotFound):
        triggering.trigger_schedule(**theirs)
    with pytest.raises(NotFound):
        editing.delete_schedule(**theirs)
    assert list(list_schedules(other_workspace().id)) == []


def test_a_change_of_times_decides_first_what_was_due() -> None:
    schedule = create(schedule="@hourly")
    earlier = schedule.created_at - 3 * HOUR
    Schedule.objects.update(considered_until=earlier, next_at=earlier)
    changed = update(schedule, schedule="0 3 * * *")
    assert Firing.objects.filter(schedule=schedule).count() == 3
    assert changed.considered_until > schedule.created_at
    assert describe(changed).words == "At 03:00 every day (Europe/Berlin)"
    audit = AuditEvent.objects.get(action="schedule.update")
    before = {"schedule": "0 * * * *"}
    assert audit.detail == {"schedule": "0 3 * * *", "before": before}


def test_a_change_to_a_single_time_that_has_passed_is_refused() -> None:
    schedule = create()
    with pytest.raises(Invalid, match="passed"):
        update(schedule, schedule="2020-01-01T00:00:00Z")


def test_a_rename_renames_beats_row() -> None:
    schedule = update(create(), name="weekly")
    assert reload(schedule).periodic_task.name == "default/weekly"
    create()
    with pytest.raises(Conflict):
        update(schedule, name="nightly")


def test_pausing_and_resuming() -> None:
    schedule = update(create(schedule="* * * * *"), enabled=False)
    assert schedule.next_at is None
    Schedule.objects.filter(id=schedule.id).update(considered_until=schedule.created_at - HOUR)
    schedule = update(schedule, enabled=True)
    assert schedule.next_at is not None
    assert schedule.paused_at is None
    (row,) = Firing.objects.all()
    assert (row.skip_reason, row.times) in [("PAUSED", 60), ("PAUSED", 61)]


def test_made_paused() -> None:
    schedule = create(enabled=False)
    assert (schedule.next_at, reload(schedule).periodic_task.enabled) == (None, False)
    assert reload(schedule).paused_at is not None


def test_removal_leaves_the_tasks() -> None:
    schedule = make_schedule("0 12 * * *", since=NOON - HOUR)
    firing.fire_due(now=NOON)
    editing.delete_schedule(
        workspace_id=schedule.workspace_id, schedule_id=schedule.id, actor=SYSTEM
    )
    assert not Firing.objects.exists()
    assert not PeriodicTask.objects.exists()
    assert Task.objects.count() == 1
    assert AuditEvent.objects.get(action="schedule.delete").detail == {"name": schedule.name}


def test_one_name_in_code_is_one_schedule() -> None:
    make = {"workspace_id": default_workspace().id, "actor": SYSTEM, "source": Source.CODE}
    editing.create_schedule(values=VALUES, code_name="app:nightly", **make)
    with pytest.raises(Conflict):
        editing.create_schedule(values={**VALUES, "name": "b"}, code_name="app:nightly", **make)


def test_success_rates() -> None:
    schedule = make_schedule("*/10 * * * *", since=NOON, overlap="allow")
    idle = make_schedule("@daily")
    for turn in range(1, 5):
        firing.fire_due(now=NOON + turn * 10 * MINUTE)
    done = {"state": "COMPLETED", "started_at": NOON, "finished_at": NOON, "attempt": 1}
    ids = list(Firing.objects.values_list("task_id", flat=True))
    Task.objects.filter(id__in=ids[:3]).update(**done)
    Task.objects.filter(id=ids[3]).update(**{**done, "state": "FAILED"})
    record_ends()
    assert get_success_rates([schedule.id, idle.id]) == {schedule.id: 0.75}
    assert get_success_rates([]) == {}


def test_old_firings_are_pruned_but_not_open_ones() -> None:
    schedule = make_schedule("*/10 * * * *", since=NOON)
    for turn in range(1, 4):
        firing.fire_due(now=NOON + turn * 10 * MINUTE)
    Firing.objects.update(decided_at=datetime(2020, 1, 1, tzinfo=UTC))
    assert sweeps.prune_firings(1) == 1
    assert sweeps.prune_firings(10) == 1
    assert history(schedule) == ["12:10 STARTED"]


def test_sweeps_go_round() -> None:
    for _ in range(3):
        make_schedule("*/10 * * * *", since=NOON, overlap="queue")
    firing.fire_due(now=NOON + 10 * MINUTE)
    firing.fire_due(now=NOON + 20 * MINUTE)
    assert not sweeps.make_end_sweep()()
    done = {"state": "COMPLETED", "started_at": NOON, "finished_at": NOON, "attempt": 1}
    Task.objects.update(**done)
    sweeps.make_queue_sweep()()
    assert Firing.objects.filter(state="QUEUED").count() == 0
