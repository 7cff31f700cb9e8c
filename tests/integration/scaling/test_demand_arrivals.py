"""Arrivals per second, by conservation between two looks."""

import time
from datetime import datetime
from typing import Any

import pytest
from django.db import OperationalError, connection

from scaling.queries.arrivals import ArrivalMeter
from scaling.queries.demand import Observer, one_snapshot
from scaling.queries.lanes import count_ready, list_lanes
from tasks_app.models import Task
from tests.factories import make_queue, make_task, make_tasks
from tests.integration.scaling.measuring import (
    SECOND,
    make_configuration,
    make_counts,
    make_lane_attempts,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def now() -> datetime:
    """The database's clock when the test began."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        return cursor.fetchone()[0]  # type: ignore[no-any-return]


def measure(meter: ArrivalMeter, at: datetime, *, oldest: float = 0.0) -> float:
    """A look at the rows as they are, as if it were made at `at`."""
    lanes = list_lanes(["*"])
    return meter.measure(at, lanes, count_ready(lanes, 60.0), oldest, 60.0)


def meter_since(at: datetime) -> ArrivalMeter:
    """One that has made its first look then."""
    meter = ArrivalMeter()
    measure(meter, at)
    return meter


def start(tasks: list[Task], at: datetime) -> None:
    """Ready tasks run since then."""
    for task in tasks:
        Task.objects.filter(id=task.id).delete()
    make_tasks(len(tasks), "RUNNING", started_at=at)


def test_what_came_is_what_waits_more_and_what_started(now: datetime) -> None:
    waiting = make_tasks(10)
    make_tasks(2, "RUNNING", started_at=now - 200 * SECOND)
    meter = meter_since(now - 120 * SECOND)
    start(waiting[:4], now - 60 * SECOND)  # 6 are left
    make_lane_attempts(30, 10.0, ago=40)
    make_lane_attempts(1, 200.0, ago=40)  # started before the window
    make_tasks(12)
    assert measure(meter, now) == pytest.approx((18 - 10 + 4 + 30) / 120)


def test_what_is_handed_back_or_tried_again_arrives_again(now: datetime) -> None:
    task = make_tasks(1, "RUNNING", started_at=now - 130 * SECOND)[0]
    meter = meter_since(now - 120 * SECOND)
    make_lane_attempts(1, 100.0, ago=30, outcome="LOST")
    task.delete()
    make_tasks(1)
    assert measure(meter, now) == pytest.approx(1 / 120)


def test_a_cancelled_backlog_is_no_negative_arrival(now: datetime) -> None:
    backlog = make_tasks(50)
    make_queue("mail")
    meter = meter_since(now - 120 * SECOND)
    Task.objects.filter(id__in=[task.id for task in backlog]).delete()
    assert measure(meter, now) == 0.0
    make_tasks(6, queue="mail")
    assert measure(meter, now) == pytest.approx(6 / 120), "one lane does not hide another's"


def test_a_resumed_lane_does_not_bring_its_backlog(now: datetime) -> None:
    make_tasks(1_000, queue="mail")
    make_queue("mail", paused_at=now)
    meter = meter_since(now - 120 * SECOND)
    make_tasks(12)
    make_queue("mail", paused_at=None)
    assert measure(meter, now - 20 * SECOND) == pytest.approx(12 / 120)
    make_tasks(40, queue="mail")
    assert measure(meter, now) == pytest.approx(12 / 120 + 40 / 20), "compared since it resumed"


def test_a_paused_lane_neither(now: datetime) -> None:
    make_tasks(10, queue="mail")
    meter = meter_since(now - 120 * SECOND)
    make_queue("mail", paused_at=now)
    make_tasks(24, queue="mail")
    make_lane_attempts(5, 1.0, ago=10, queue="mail")
    assert measure(meter, now) == 0.0


def test_a_limit_that_is_lifted_does_not_bring_its_backlog(now: datetime) -> None:
    make_tasks(500)
    make_queue(max_running=2)
    meter = meter_since(now - 120 * SECOND)
    assert measure(meter, now - 60 * SECOND) == 0.0
    make_queue(max_running=None)
    assert measure(meter, now) == 0.0


def test_a_limited_lane_brings_what_it_may_start(now: datetime) -> None:
    make_tasks(500)
    make_queue(rate_per_second=0.5)
    meter = meter_since(now - 120 * SECOND)
    make_tasks(900)
    make_lane_attempts(60, 1.0, ago=50)
    assert measure(meter, now) == pytest.approx(0.5)


def test_a_new_lane_had_nothing(now: datetime) -> None:
    meter = meter_since(now - 120 * SECOND)
    make_tasks(24, queue="mail")
    assert measure(meter, now) == pytest.approx(0.2)


def test_the_first_look_takes_what_started_and_spreads_what_waits(now: datetime) -> None:
    make_lane_attempts(60, 5.0, ago=50)
    make_lane_attempts(60, 5.0, ago=400)
    make_tasks(60, "RUNNING", started_at=now - 10 * SECOND)
    make_tasks(40)
    assert measure(ArrivalMeter(), now, oldest=40.0) == pytest.approx(1.0 + 1.0)
    assert measure(ArrivalMeter(), now, oldest=0.5) == pytest.approx(1.0 + 40 / 30)
    assert measure(ArrivalMeter(), now, oldest=120.0) == pytest.approx(1.0), "it came before"


def test_the_first_minutes_know_what_the_first_look_saw(now: datetime) -> None:
    make_lane_attempts(60, 1.0, ago=100)
    meter = meter_since(now - 30 * SECOND)  # of the two minutes before: 0.5 a second
    assert measure(meter, now) == pytest.approx(0.75 * 0.5), "three quarters of it still count"


def test_the_nearest_look_to_two_minutes_ago(now: datetime) -> None:
    meter = meter_since(now - 170 * SECOND)
    for ago in range(160, 0, -10):
        make_task()
        measure(meter, now - ago * SECOND)
    make_task()
    assert measure(meter, now) == pytest.approx(12 / 120)


def test_after_a_silence_it_begins_again(now: datetime) -> None:
    meter = meter_since(now - 1_000 * SECOND)
    make_tasks(500)
    make_lane_attempts(12, 1.0, ago=20)
    assert measure(meter, now, oldest=900.0) == pytest.approx(0.1)


def test_where_much_starts_the_window_is_short(now: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO tasks_app_taskattempt (task_id, attempt, workspace_id, queue_id, type,"
            " node_id, outcome, wait_ms, started_at, finished_at)"
            " SELECT gen_random_uuid(), 1, %(workspace)s, %(lane)s, 'noop', 1, 'SUCCEEDED', 1, t, t"
            " FROM (SELECT %(now)s - 60 * interval '1 second' - n * interval '0.5 ms' AS t"
            " FROM generate_series(1, 119990) n) ended",
            {"now": now, "lane": make_queue().id, "workspace": make_queue().workspace_id},
        )
    meter = meter_since(now - 120 * SECOND)
    assert measure(meter, now - 60 * SECOND) == pytest.approx(2_000, rel=0.01)
    make_lane_attempts(120, 1.0, ago=20)
    assert measure(meter, now) == pytest.approx(120 / 60), "a minute ago is far enough"


def test_looks_in_quick_succession(now: datetime) -> None:
    meter = meter_since(now - 3 * SECOND)
    make_tasks(20)
    assert measure(meter, now - 2 * SECOND, oldest=1.0) == pytest.approx(20 / 30)
    assert measure(meter, now, oldest=3.0) == pytest.approx(20 / 30)
    assert measure(meter, now + 9 * SECOND) == pytest.approx(20 / 120)


@pytest.mark.django_db(transaction=True)
def test_a_look_that_fails_is_none(now: datetime) -> None:
    make_tasks(5)
    make_queue(paused_at=now)
    make_queue("mail")  # has starts to be read
    meter = meter_since(now - 120 * SECOND)
    make_queue(paused_at=None)
    other = connection.copy()
    try:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute("LOCK TABLE tasks_app_taskattempt IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(OperationalError), one_snapshot(0.2):
            measure(meter, now - 30 * SECOND)
    finally:
        other.close()
    measure(meter, now - 20 * SECOND)
    make_tasks(10)
    assert measure(meter, now) == pytest.approx(10 / 20)


def test_by_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scaling.queries.arrivals.SHORTEST_SECONDS", 0.5)
    observer = Observer(["*"])

    def look(**changes: Any) -> float:
        return observer.look(make_counts(), make_configuration(**changes)).per_second

    assert look() == 0.0
    make_tasks(24)
    time.sleep(0.6)
    assert look() == pytest.approx(24 / 120, rel=0.05)
