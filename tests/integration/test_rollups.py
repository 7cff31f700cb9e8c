"""Roll-ups, recomputed from attempts and tasks."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings
from django.db import connection

from controlplane.core.clock import now
from controlplane.core.ids import first_id_of, uuid7
from controlplane.core.runtime.histograms import bucket_of
from tasks_app.models import Rollup, RollupMark, Task
from tasks_app.services.rollups import prune_rollups, recompute_range, recompute_rollups
from tests.clients import default_workspace, other_workspace
from tests.factories import make_attempt, make_task

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("early_in_the_minute")]

MINUTE = timedelta(minutes=1)
FIELDS = (
    "submitted",
    "started",
    "completed",
    "failed",
    "failed_tasks",
    "retried",
    "lost",
    "cancelled",
)


def this_minute() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT date_trunc('minute', clock_timestamp())")
        return cursor.fetchone()[0]  # type: ignore[no-any-return]


def ended(at: datetime, outcome: str = "SUCCEEDED", *, ms: float = 10, **fields: Any) -> Task:
    """A task that was submitted and tried once, with the attempt ending then."""
    final = {"SUCCEEDED": "COMPLETED", "FAILED": "FAILED", "CANCELLED": "CANCELLED"}
    state = fields.pop("state", final.get(outcome, "PENDING"))
    wait = fields.pop("wait_ms", 5)
    made = UUID(int=first_id_of(at).int | uuid7().int & (1 << 62) - 1)
    task = make_task(state, **{"id": made, "created_at": at, "attempt": 1, **fields})
    began = at - timedelta(milliseconds=ms)
    make_attempt(task, outcome=outcome, started_at=began, finished_at=at, wait_ms=wait)
    return task


def totals(seconds: int = 60) -> dict[str, int]:
    rows = Rollup.objects.filter(seconds=seconds).values(*FIELDS)
    return {field: sum(row[field] for row in rows) for field in FIELDS}


def test_a_minute() -> None:
    at = this_minute() - MINUTE + timedelta(seconds=30)
    ended(at, ms=100)
    ended(at, ms=100, wait_ms=2_000)
    ended(at, "FAILED")
    ended(at, "FAILED", state="RETRYING")
    ended(at, "LOST")
    ended(at, "CANCELLED")
    ended(at, "SNOOZED", state="SCHEDULED")
    make_task("RUNNING", created_at=at, started_at=at)
    recompute_range(this_minute() - MINUTE, this_minute())
    assert totals() == {
        "submitted": 8,
        "started": 8,
        "completed": 2,
        "failed": 3,
        "failed_tasks": 1,
        "retried": 2,
        "lost": 1,
        "cancelled": 1,
    }
    row = Rollup.objects.get(seconds=60)
    assert row.runs == {str(bucket_of(100)): 2, str(bucket_of(10)): 2}
    assert row.waits == {str(bucket_of(5)): 6, str(bucket_of(2_000)): 1}
    assert row.run_ms == pytest.approx(220)
    assert row.wait_ms == pytest.approx(2_030)


def test_by_workspace_queue_type_and_minute() -> None:
    minute = this_minute() - MINUTE
    at = minute + timedelta(seconds=1)
    ended(at)
    ended(at, queue="mail")
    ended(at, type="sleep")
    ended(at, workspace=other_workspace())
    ended(minute - timedelta(microseconds=1))
    recompute_range(minute - MINUTE, this_minute())
    rows = Rollup.objects.filter(seconds=60).order_by("at")
    assert [row.at for row in rows] == [minute - MINUTE] + [minute] * 4
    assert [row.completed for row in rows] == [1] * 5
    assert {row.workspace_id for row in rows} == {default_workspace().id, other_workspace().id}


def test_running_it_again_writes_the_same_and_touches_nothing() -> None:
    at = this_minute() - timedelta(minutes=3)
    for ms in (1, 20, 400):
        ended(at, ms=ms)
    recompute_range(at, this_minute())
    before = list(Rollup.objects.order_by("pk").values())

    def versions() -> list[Any]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT ctid::text FROM tasks_app_rollup ORDER BY 1")
            return cursor.fetchall()

    places = versions()
    recompute_range(at, this_minute())
    assert list(Rollup.objects.order_by("pk").values()) == before
    assert versions() == places


def test_an_hour_is_the_sum_of_its_minutes() -> None:
    hour = (this_minute() - timedelta(hours=3)).replace(minute=0)
    for minute in (0, 1, 30, 59):
        ended(hour + timedelta(minutes=minute), ms=50)
    ended(hour + timedelta(minutes=30), ms=7_000)
    for minute in range(0, 60, 10):
        recompute_range(hour + minute * MINUTE, hour + (minute + 10) * MINUTE)
    row = Rollup.objects.get(seconds=3600)
    assert (row.at, row.completed, row.submitted) == (hour, 5, 5)
    assert row.runs == {str(bucket_of(50)): 4, str(bucket_of(7_000)): 1}
    assert row.run_ms == pytest.approx(7_200)
    assert totals(60) == totals(3600)


def test_what_is_committed_late_is_counted() -> None:
    current = this_minute()
    RollupMark.objects.create(until=current - MINUTE)
    recompute_rollups()
    ended(current - MINUTE + timedelta(seconds=5))  # of the minute before: it commits only now
    RollupMark.objects.update(until=current)
    recompute_rollups()
    assert totals()["completed"] == 1


def test_the_first_run_begins_a_day_back_and_catches_up() -> None:
    ended(this_minute() - timedelta(hours=20))
    ended(this_minute() - timedelta(minutes=1))
    passes = 1
    while recompute_rollups():
        passes += 1
        assert passes < 250
    assert passes > 100
    assert totals()["completed"] == 2
    assert RollupMark.objects.get().until >= now() - 2 * MINUTE


def test_the_first_run_begins_with_the_oldest_task() -> None:
    assert recompute_rollups()  # it makes the mark
    assert RollupMark.objects.get().until == this_minute()
    assert not recompute_rollups()

    RollupMark.objects.all().delete()
    ended(this_minute() - timedelta(minutes=25))
    assert recompute_rollups()
    assert RollupMark.objects.get().until == this_minute() - timedelta(minutes=25)


def test_an_outage_is_caught_up_minute_by_minute() -> None:
    current = this_minute()
    RollupMark.objects.create(until=current - timedelta(minutes=25))
    for minutes in (24, 15, 3, 1):
        ended(current - timedelta(minutes=minutes))
    assert recompute_rollups()
    assert RollupMark.objects.get().until == current - timedelta(minutes=17)
    assert totals()["completed"] == 1
    while recompute_rollups():
        pass
    assert totals()["completed"] == 4


def test_a_clock_that_was_set_back_does_not_stop_it() -> None:
    RollupMark.objects.create(until=this_minute() + timedelta(days=1))
    ended(this_minute())
    assert not recompute_rollups()
    assert totals()["completed"] == 1


def test_pruning() -> None:
    for seconds, days in ((60, 6), (60, 8), (3600, 8), (3600, 401)):
        Rollup.objects.create(
            workspace_id=uuid7(),
            seconds=seconds,
            at=now() - timedelta(days=days),
            queue_id=1,
            type="noop",
            run_ms=0,
            wait_ms=0,
            runs={},
            waits={},
            **dict.fromkeys(FIELDS, 0),
        )
    assert settings.TASKPLANE["ROLLUP_RETENTION_DAYS"] == 400
    assert prune_rollups(1) == 1
    assert prune_rollups(10) == 1
    kept = Rollup.objects.order_by("seconds").values_list("seconds", "at")
    assert [(seconds, (now() - at).days) for seconds, at in kept] == [(60, 6), (3600, 8)]
