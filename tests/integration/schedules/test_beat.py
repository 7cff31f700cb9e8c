"""The part that django-celery-beat takes: its rows hold the definitions, and its edits count."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from celery import current_app
from django.test import Client
from django_celery_beat.models import (
    ClockedSchedule,
    CrontabSchedule,
    IntervalSchedule,
    PeriodicTask,
    SolarSchedule,
)

from controlplane.core.errors import Invalid
from controlplane.ops.schedules import overlaps as queueing
from controlplane.ops.schedules import sweeps
from controlplane.ops.schedules.firing import fire_due
from controlplane.ops.schedules.models import Firing, Schedule
from controlplane.ops.schedules.queries import describe, get_schedule
from controlplane.workspaces.queries import get_default_workspace_id
from tests.clients import user_client
from tests.factories import make_schedule
from tests.factories.schedules import (
    HOUR,
    MINUTE,
    SECOND,
    history,
    reload,
    start_queued,
    sync_beat,
    update,
)

pytestmark = pytest.mark.django_db

NOON = datetime(2031, 3, 3, 12, 0, tzinfo=UTC)


def make_plain(minute: str = "*/10", **values: Any) -> PeriodicTask:
    """A periodic task that names a Celery task, as beat's pages make it."""
    if not {"interval", "clocked", "solar"} & set(values):
        values["crontab"] = CrontabSchedule.objects.create(minute=minute, timezone="UTC")
    return PeriodicTask.objects.create(**{"name": "plain", "task": "proj.tasks.add", **values})


def adopted(task: PeriodicTask) -> Schedule:
    return Schedule.objects.select_related("periodic_task").get(periodic_task=task)


@pytest.mark.parametrize(
    "text",
    [
        "0 0 L * *", "0 0 LW * *", "0 0 * * 5L", "0 0 * * MON#2", "0 0 * * 7", "0 0 * * 0-7",
        "5/15 * * * *", "*/90 * * * *", "0 0 * JAN-MAR SUN", "*/7 1-5/2 1,15 */3 *",
        "@every 90s", "2033-01-01T08:00:00Z",
    ],
)  # fmt: skip
def test_beats_own_pages_show_every_form(text: str) -> None:
    schedule = make_schedule(text)
    client: Client = user_client(is_superuser=True)
    pages = "/admin/django_celery_beat/"
    task = schedule.periodic_task
    for page in ("periodictask/", f"periodictask/{task.pk}/change/", "crontabschedule/"):
        assert client.get(pages + page).status_code == 200
    assert schedule.name in client.get(pages + "periodictask/").content.decode()
    assert describe(get_schedule(schedule.workspace_id, schedule.id)).problem == ""


def test_beats_own_pages_join_days_where_either_is_enough() -> None:
    schedule = make_schedule("0 0 13 * FRI")
    client = user_client(is_superuser=True)
    pages = "/admin/django_celery_beat/"
    task = schedule.periodic_task
    for page in (
        "crontabschedule/",
        f"crontabschedule/{task.crontab_id}/change/",
        f"periodictask/{task.pk}/change/",
    ):
        shown = client.get(pages + page).content.decode()
        assert "on the 13th of every month and every Friday" in shown


def test_an_edit_of_the_crontab_takes_effect() -> None:
    schedule = make_schedule("0 * * * *", since=NOON)
    sync = sweeps.SyncBeat()
    sync()
    crontab = schedule.periodic_task.crontab
    crontab.minute = "30"
    crontab.save()
    assert sync_beat(now=NOON + MINUTE) == 1
    schedule = reload(schedule)
    assert schedule.next_at == NOON + 30 * MINUTE
    assert sync_beat(now=NOON + MINUTE) == 0


def test_a_firing_that_comes_before_the_look_sees_the_edit() -> None:
    schedule = make_schedule("0 * * * *", since=NOON)
    crontab = schedule.periodic_task.crontab
    crontab.minute = "30"
    crontab.save()
    fire_due(now=NOON + HOUR)
    assert history(schedule) == []
    assert reload(schedule).next_at == NOON + HOUR + 30 * MINUTE


def test_the_sweep_looks_when_beat_says_so() -> None:
    schedule = make_schedule("0 * * * *")
    sync = sweeps.SyncBeat()
    sync()
    PeriodicTask.objects.filter(pk=schedule.periodic_task_id).update(enabled=False)
    sync()
    assert reload(schedule).paused_at is None  # update() sends no signal
    task = reload(schedule).periodic_task
    task.save()
    sync()
    assert reload(schedule).paused_at is not None


def test_a_deleted_periodic_task_takes_its_schedule_along() -> None:
    schedule = make_schedule("*/10 * * * *", since=NOON)
    fire_due(now=NOON + 10 * MINUTE)
    schedule.periodic_task.delete()
    assert not Schedule.objects.exists()
    assert not Firing.objects.exists()


def test_a_plain_task_becomes_a_schedule_once() -> None:
    task = make_plain()
    assert sync_beat(now=NOON) == 1
    assert sync_beat(now=NOON) == 0
    schedule = adopted(task)
    assert schedule.workspace_id == get_default_workspace_id()
    assert (schedule.source, schedule.overlap, schedule.name) == ("beat", "allow", "plain")
    assert schedule.next_at == NOON + 10 * MINUTE


def test_a_taken_name_is_made_another() -> None:
    make_schedule(name="plain")
    task = make_plain()
    sync_beat(now=NOON)
    assert adopted(task).name == f"plain (periodic task {task.pk})"


@pytest.fixture
def queue() -> Iterator[str]:
    name = f"plain-{uuid4().hex}"
    yield name
    with current_app.connection_for_write() as connection:
        connection.default_channel.client.delete(name)


def read_message(queue: str) -> Any:
    with current_app.connection_for_write() as connection:
        return connection.default_channel.basic_get(queue, no_ack=True)


def test_a_plain_task_is_sent_after_the_commit_as_beat_would(queue: str) -> None:
    task = make_plain(
        args="[1, 2]", kwargs='{"x": 3}', queue=queue, headers='{"h": 1}', expire_seconds=60
    )
    sync_beat(now=NOON)
    fire_due(now=NOON + 10 * MINUTE)
    firing = Firing.objects.get()
    assert (firing.state, len(firing.celery_id)) == ("QUEUED", 36)
    assert read_message(queue) is None
    assert start_queued(now=NOON + 10 * MINUTE) == 1
    firing.refresh_from_db()
    assert firing.state == "COMPLETED"
    message = read_message(queue)
    headers = message.headers
    assert (headers["task"], headers["id"]) == ("proj.tasks.add", firing.celery_id)
    assert (headers["h"], headers["periodic_task_name"]) == (1, "plain")
    assert headers["expires"] is not None
    assert json.loads(message.body)[:2] == [[1, 2], {"x": 3}]
    assert start_queued(now=NOON + 10 * MINUTE) == 0
    assert reload(adopted(task)).periodic_task.total_run_count == 1


def test_a_plain_task_waits_for_a_broker_that_refuses(queue: str) -> None:
    make_plain(queue=queue)
    sync_beat(now=NOON)
    other = make_schedule("*/10 * * * *", since=NOON, overlap="queue")
    fire_due(now=NOON + 10 * MINUTE)
    Firing.objects.filter(schedule=other).update(state="QUEUED")
    with current_app.connection_for_write() as connection:
        connection.default_channel.client.set(queue, "a key of another kind is in the way")
        assert start_queued(now=NOON + 10 * MINUTE) == 1  # the one that needs no broker
        connection.default_channel.client.delete(queue)
    firing = Firing.objects.exclude(schedule=other).get()
    assert firing.state == "QUEUED"
    assert start_queued(now=NOON + 11 * MINUTE) == 0  # it rests
    queueing.post.rests_until = 0.0
    assert start_queued(now=NOON + 11 * MINUTE) == 1
    assert read_message(queue).headers["id"] == firing.celery_id


def test_a_plain_task_with_bad_arguments_fails() -> None:
    task = make_plain()
    PeriodicTask.objects.filter(pk=task.pk).update(args="[1,")
    sync_beat(now=NOON)
    fire_due(now=NOON + 10 * MINUTE)
    assert start_queued(now=NOON + 10 * MINUTE) == 0
    firing = Firing.objects.get()
    assert firing.state == "FAILED"
    assert "not JSON" in firing.error["message"]


def test_a_task_that_runs_once_is_disabled_when_it_has() -> None:
    task = make_plain(one_off=True)
    sync_beat(now=NOON)
    fire_due(now=NOON + 10 * MINUTE)
    assert start_queued(now=NOON + 11 * MINUTE) + fire_due(now=NOON + HOUR) == 1
    schedule = adopted(task)
    assert not schedule.periodic_task.enabled
    assert schedule.next_at is None
    assert sync_beat(now=NOON + HOUR) == 0


def test_a_task_that_runs_once_is_made_up_for_once() -> None:
    make_plain(one_off=True)
    sync_beat(now=NOON)
    Schedule.objects.update(catch_up=True)
    fire_due(now=NOON + 45 * MINUTE)
    assert [line[6:] for line in history(Schedule.objects.get())] == [
        "MISSED", "MISSED", "MISSED", "QUEUED catch-up",
    ]  # fmt: skip


def test_a_clocked_task_is_run_however_late() -> None:
    clocked = ClockedSchedule.objects.create(clocked_time=NOON + MINUTE)
    make_plain(clocked=clocked, one_off=True)
    sync_beat(now=NOON)
    fire_due(now=NOON + 5 * HOUR)
    assert history(Schedule.objects.get()) == ["12:01 QUEUED catch-up"]


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"hour": "22-2", "minute": "0"}, "0 22-2 * * *"),
        ({"day_of_week": "fri-mon", "minute": "0", "hour": "0"}, "0 0 * * fri-mon"),
        ({"minute": "0, 30"}, "0,30 * * * *"),
        ({"day_of_week": "friday", "minute": "0", "hour": "0"}, "0 0 * * 5"),
    ],
)
def test_what_only_celery_reads_is_spelled_out(fields: dict[str, str], text: str) -> None:
    crontab = CrontabSchedule.objects.create(timezone="Europe/Berlin", **fields)
    PeriodicTask.objects.create(name="plain", task="proj.add", crontab=crontab)
    sync_beat(now=NOON)
    schedule = get_schedule(get_default_workspace_id(), Schedule.objects.get().id)
    view = describe(schedule)
    assert (view.text, view.timezone, view.problem) == (text, "Europe/Berlin", "")
    assert schedule.next_at is not None


def test_what_is_not_fired_says_so() -> None:
    solar = SolarSchedule.objects.create(event="sunrise", latitude=52, longitude=13)
    make_plain(solar=solar)
    micro = IntervalSchedule.objects.create(every=10, period="microseconds")
    make_plain(name="fast", interval=micro)
    make_plain(name="odd", minute="99")
    make_plain(name="never", start_time=datetime(9999, 12, 31, tzinfo=UTC))
    sync_beat(now=NOON)
    for schedule in Schedule.objects.all():
        view = describe(get_schedule(schedule.workspace_id, schedule.id))
        assert view.problem or schedule.name == "never"
        assert schedule.next_at is None
    assert fire_due(now=NOON + HOUR) == 0


def test_a_plain_task_can_be_paused_and_ruled_but_not_redefined() -> None:
    make_plain()
    sync_beat(now=NOON)
    schedule = update(Schedule.objects.get(), enabled=False, overlap="skip")
    assert reload(schedule).paused_at is not None
    assert not reload(schedule).periodic_task.enabled
    with pytest.raises(Invalid, match="plain periodic task"):
        update(schedule, schedule="@daily")
    assert reload(schedule).overlap == "skip"


def test_a_portion_at_a_time() -> None:
    for number in range(5):
        make_plain(name=f"plain {number}")
    assert sync_beat(now=NOON, limit=2) == 5
    fire_due(now=NOON + 10 * MINUTE + SECOND)
    assert Firing.objects.filter(state="QUEUED").count() == 5
