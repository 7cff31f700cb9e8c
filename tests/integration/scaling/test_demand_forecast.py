"""What the roll-ups tell: the forecast, and whether tasks started in time."""

import time
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from controlplane.core.runtime.histograms import bucket_of
from scaling.forecast import Forecaster
from scaling.queries.demand import Observer
from scaling.queries.forecast import ArrivalForecast
from scaling.queries.run_times import Punctuality
from tasks_app.models import Rollup, RollupMark
from tests.clients import default_workspace, other_workspace
from tests.factories import make_queue
from tests.integration.scaling.measuring import (
    MINUTE,
    SECOND,
    look,
    make_configuration,
    make_counts,
)

pytestmark = pytest.mark.django_db

DAYS = 1_440


@pytest.fixture
def minute() -> datetime:
    """The beginning of a minute that ended a while ago: what is summed up is up to the tests."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT date_trunc('minute', clock_timestamp()) - interval '1 hour'")
        return cursor.fetchone()[0]  # type: ignore[no-any-return]


def number(moment: datetime) -> int:
    return int(moment.timestamp()) // 60


def submit(at: datetime, tasks: int, queue: str = "default", **fields: Any) -> Rollup:
    lane = make_queue(queue, fields.pop("workspace", None))
    counts = dict.fromkeys(
        ("started", "completed", "failed", "retried", "lost", "cancelled", "run_ms", "wait_ms"), 0
    )
    values = {"type": "noop", "runs": {}, "waits": {}, **counts, **fields}
    return Rollup(
        workspace_id=lane.workspace_id,
        seconds=60,
        at=at,
        queue_id=lane.id,
        submitted=tasks,
        **values,
    )


def save(rows: Iterable[Rollup]) -> None:
    Rollup.objects.bulk_create(rows)


def summed_up(until: datetime) -> None:
    """The dispatcher has come so far."""
    RollupMark.objects.update_or_create(id=1, defaults={"until": until})


def hourly(until: datetime, minutes: int) -> dict[int, int]:
    """Counts by minute: a hundred at each full hour, now and then a few."""
    end = number(until)
    return {
        each: 100 if each % 60 == 0 else each % 5
        for each in range(end - minutes, end)
        if each % 60 == 0 or each % 5
    }


def save_counts(counts: dict[int, int], until: datetime, queue: str = "default") -> None:
    lane = submit(until, 0, queue)
    save(
        submit_like(lane, until + (each - number(until)) * MINUTE, count)
        for each, count in counts.items()
    )


def submit_like(row: Rollup, at: datetime, tasks: int) -> Rollup:
    values = {field.attname: getattr(row, field.attname) for field in Rollup._meta.concrete_fields}
    return Rollup(**{**values, "at": at, "submitted": tasks})


def fed(counts: dict[int, int], until: datetime, lead: int = 2) -> Forecaster:
    """A forecaster that observed these minutes one by one."""
    forecaster = Forecaster(lead=lead, horizon=lead + 4)
    for each in range(min(counts), number(until)):
        forecaster.observe(each, counts.get(each, 0))
    return forecaster


def free() -> list[int]:
    return [make_queue().id]


def test_a_week_makes_a_forecast(minute: datetime) -> None:
    counts = hourly(minute, 4 * DAYS)
    save_counts(counts, minute)
    summed_up(minute)
    found = ArrivalForecast().forecast(minute + 20 * SECOND, free(), 30.0)
    assert found == fed(counts, minute).forecast()
    assert found is not None
    assert found.start == minute.timestamp()
    assert found.trusted
    assert len(found.per_minute) == 6


def test_all_lanes_count_together(minute: datetime) -> None:
    counts = hourly(minute, 2 * DAYS)
    save_counts(counts, minute)
    save_counts(counts, minute, queue="mail")
    summed_up(minute)
    lanes = [make_queue().id, make_queue("mail").id]
    twice = {each: 2 * count for each, count in counts.items()}
    found = ArrivalForecast().forecast(minute + 20 * SECOND, lanes, 30.0)
    assert found == fed(twice, minute).forecast()
    alone = ArrivalForecast().forecast(minute + 20 * SECOND, lanes[:1], 30.0)
    assert alone == fed(counts, minute).forecast()


def test_minutes_are_added_as_they_end(minute: datetime) -> None:
    before = minute - 3 * MINUTE
    counts = hourly(minute, 2 * DAYS)
    save_counts(counts, minute)
    summed_up(before)
    forecast = ArrivalForecast()

    def start(at: datetime) -> float:
        found = forecast.forecast(at, free(), 30.0)
        assert found is not None
        return minute.timestamp() - found.start

    assert start(before + 20 * SECOND) == 180
    summed_up(before + MINUTE)
    assert start(before + 74 * SECOND) == 180, "late commits may still come"
    assert start(before + 76 * SECOND) == 120
    assert start(minute + 20 * SECOND) == 120, "the dispatcher is behind"
    summed_up(minute)
    assert start(minute + 20 * SECOND) == 0
    assert forecast.forecast(minute + 21 * SECOND, free(), 30.0) == fed(counts, minute).forecast()


def test_a_minute_is_read_once(
    minute: datetime, django_assert_num_queries: Any, django_assert_max_num_queries: Any
) -> None:
    save_counts(hourly(minute, 2 * DAYS), minute)
    summed_up(minute)
    forecast = ArrivalForecast()
    lanes = free()
    with django_assert_max_num_queries(2):
        forecast.forecast(minute + 20 * SECOND, lanes, 30.0)
    with django_assert_num_queries(0):
        forecast.forecast(minute + 60 * SECOND, lanes, 30.0)


def test_nothing_is_known_yet(minute: datetime) -> None:
    forecast = ArrivalForecast()
    assert forecast.forecast(minute, free(), 30.0) is None
    summed_up(minute)
    assert forecast.forecast(minute + 20 * SECOND, free(), 30.0) is None
    # The first row ever: what came before it is unknown, and not nothing.
    later = minute + 10 * MINUTE
    save([submit(later - 2 * MINUTE, 7)])
    summed_up(later)
    forecast.forecast(later + 20 * SECOND, free(), 30.0)
    assert forecast._forecaster is not None
    history = forecast._forecaster.history
    assert (history.first, history.end) == (number(later) - 2, number(later))
    assert [history.at(number(later) - 2), history.at(number(later) - 1)] == [7, 0]


def test_a_longer_start_up_is_forecast_further_ahead(minute: datetime) -> None:
    counts = hourly(minute, 2 * DAYS)
    save_counts(counts, minute)
    summed_up(minute)
    forecast, at = ArrivalForecast(), minute + 20 * SECOND
    forecast.forecast(at, free(), 60.0)
    assert forecast.forecast(at, free(), 61.0) == fed(counts, minute, lead=3).forecast() is not None
    assert forecast.forecast(at, free(), 59.0) == fed(counts, minute, lead=3).forecast()
    assert forecast.forecast(at, free(), 40.0) == fed(counts, minute, lead=2).forecast()


def test_lanes_that_are_held_back_are_not_forecast() -> None:
    now = _now()
    counts = hourly(now, 2 * DAYS)
    save_counts(counts, now)
    save_counts(dict.fromkeys(counts, 1_000), now, queue="mail")
    save_counts(dict.fromkeys(counts, 1_000), now, queue="video")
    make_queue("mail", paused_at=now)
    make_queue("video", rate_per_second=0.1)
    summed_up(now)
    found = look().forecast
    assert found is not None
    assert max(found.per_minute) <= 100


def test_without_use_forecast_nothing_is_read() -> None:
    now = _now()
    save_counts(hourly(now, 2 * DAYS), now)
    summed_up(now)
    observer = Observer(["*"])
    worker_counts = make_counts()
    assert observer.look(worker_counts, make_configuration(use_forecast=False)).forecast is None
    assert observer.look(worker_counts, make_configuration()).forecast is not None
    assert observer.look(worker_counts, make_configuration(use_forecast=False)).forecast is None


def test_a_week_of_many_types_is_read_quickly() -> None:
    now = _now()
    lane = make_queue()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO tasks_app_rollup (workspace_id, seconds, at, queue_id, type, submitted,"
            " started, completed, failed, retried, lost, cancelled, run_ms, wait_ms, runs, waits)"
            " SELECT %s, 60, %s - m * interval '1 minute', %s, 'type-' || k, 1 + m %% 7, 5, 5, 0,"
            ' 0, 0, 0, 100, 100, \'{"10": 5}\', \'{"10": 4, "60": 1}\''
            " FROM generate_series(1, 10070) m, generate_series(1, 20) k",
            [lane.workspace_id, now, lane.id],
        )
    summed_up(now)
    forecast = ArrivalForecast()
    began = time.perf_counter()
    found = forecast.forecast(now + 20 * SECOND, [lane.id], 30.0)
    first = time.perf_counter() - began
    assert found is not None
    assert found.trusted
    began = time.perf_counter()
    forecast.forecast(now + 30 * SECOND, [lane.id], 30.0)
    print(f"201,400 roll-ups: {first:.2f} s, then {time.perf_counter() - began:.5f} s")
    assert first < 20


def test_starts_of_the_last_hour_and_those_in_time(minute: datetime) -> None:
    at = minute + 10 * SECOND
    waits = {str(bucket_of(ms)): count for ms, count in ((5, 60), (59_000, 8), (90_000, 2))}
    save(
        [
            submit(minute - MINUTE, 0, waits=waits),
            submit(minute - 2 * MINUTE, 0, waits={str(bucket_of(1_000)): 30}),
            submit(minute - 61 * MINUTE, 0, waits={str(bucket_of(5)): 1_000}),
            submit(minute - MINUTE, 0, "mail", waits={str(bucket_of(500_000)): 1_000}),
        ]
    )
    punctuality = Punctuality()
    # A bucket that reaches beyond the objective is not within it.
    assert punctuality.measure(at, free(), 60.0) == (100, 90)
    assert punctuality.measure(at, free(), 70.0) == (100, 98)
    assert punctuality.measure(at, free(), 0.001) == (100, 0)


def test_they_are_read_again_after_half_a_minute(minute: datetime) -> None:
    at = minute + 10 * SECOND
    punctuality = Punctuality()
    assert punctuality.measure(at, free(), 60.0) == (0, 0)
    save([submit(minute - MINUTE, 0, waits={"10": 4})])
    assert punctuality.measure(at + 29 * SECOND, free(), 60.0) == (0, 0)
    assert punctuality.measure(at + 30 * SECOND, free(), 60.0) == (4, 4)


def test_what_waits_on_purpose_is_not_late() -> None:
    now = _now()
    late = {str(bucket_of(500_000)): 10}
    save(
        [
            submit(now - MINUTE, 0, "mail", waits=late),
            submit(now - MINUTE, 0, "video", waits=late),
            submit(now - MINUTE, 0, waits={"10": 3}),
            submit(now - MINUTE, 0, workspace=other_workspace(), waits=late),
        ]
    )
    make_queue("mail", paused_at=now)
    make_queue("video", max_running=1)
    found = look()
    assert (found.started, found.on_time) == (13, 3)


def _now() -> datetime:
    """The current minute of the database's clock."""
    default_workspace()
    with connection.cursor() as cursor:
        cursor.execute("SELECT date_trunc('minute', clock_timestamp())")
        found: datetime = cursor.fetchone()[0]
    return found - timedelta(minutes=1)
