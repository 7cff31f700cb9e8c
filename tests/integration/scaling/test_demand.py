"""What the autoscaler measures of this moment, on real rows."""

import json
import sys
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import DatabaseError, OperationalError, connection

import tests.handlers  # noqa: F401 - registers the test types
from controlplane.core.clock import now
from scaling.queries.demand import Observer, is_idle, one_snapshot
from scaling.strategies import Demand, Memory, decide, replay
from tasks_app.models import Queue
from tests.clients import other_workspace
from tests.factories import make_queue, make_task, make_tasks
from tests.integration.scaling.measuring import (
    SECOND,
    look,
    make_configuration,
    make_counts,
    make_lane_attempts,
    make_settings,
    multiply,
)

pytestmark = pytest.mark.django_db


def test_an_empty_pool() -> None:
    found = look()
    assert (found.waiting, found.oldest, found.per_second, found.ages) == (0, 0.0, 0.0, ())
    assert (found.run_times.tasks, found.started, found.on_time) == (0, 0, 0)
    assert (found.forecast, found.expected) == (None, ())
    assert is_idle(found)
    assert 0 <= found.at - found.measured_at < 5
    assert abs(found.measured_at - now().timestamp()) < 5


def test_the_workers_are_those_that_were_counted() -> None:
    worker_counts = make_counts(ready=(1, 2), draining=(3,), starting=(4.0, 9.0), startup=42.0)
    found = look(counts=worker_counts)
    assert (found.ready, found.draining, found.starting) == (2, 1, (4.0, 9.0))
    assert (found.startup, found.workers) == (42.0, 4)


def test_what_waits_in_all_workspaces() -> None:
    make_tasks(3, created_at=now() - 20 * SECOND)
    make_task(workspace=other_workspace(), created_at=now() - 50 * SECOND)
    make_task("SCHEDULED")
    make_task("BLOCKED")
    found = look()
    assert found.waiting == 4
    assert 50 <= found.oldest < 60
    assert not is_idle(found)


def test_only_the_queues_of_the_pool() -> None:
    make_task(queue="mail")
    make_tasks(2, queue="video")
    make_tasks(1, "RUNNING", queue="mail")
    assert [look("mail").waiting, look("video").waiting, look("mail", "video").waiting] == [1, 2, 3]
    assert [len(look("mail").ages), len(look("video").ages)] == [1, 0]
    assert is_idle(look("other"))


def test_a_paused_lane_waits_on_purpose() -> None:
    make_tasks(5, created_at=now() - 500 * SECOND)
    make_queue(paused_at=now())
    found = look()
    assert (found.waiting, found.oldest) == (0, 0.0)
    assert is_idle(found)


def test_a_lane_with_a_ceiling_counts_what_may_run() -> None:
    make_tasks(10, created_at=now() - 500 * SECOND)
    make_tasks(2, "RUNNING")
    make_queue(max_running=5)
    found = look()
    assert (found.waiting, found.oldest) == (3, 0.0)
    make_queue(max_running=1)
    assert look().waiting == 0


def test_a_lane_with_a_rate_counts_what_may_start_within_the_objective() -> None:
    make_tasks(100)
    make_queue(rate_per_second=0.5)
    assert look(objective_seconds=60).waiting == 30
    assert look(objective_seconds=1).waiting == 1
    make_queue(rate_per_second=0.5, max_running=7)
    assert look(objective_seconds=60).waiting == 7
    make_queue(rate_per_second=1_000, max_running=None)
    assert look(objective_seconds=60).waiting == 100


def test_ages_of_running_tasks() -> None:
    make_tasks(1, "RUNNING", started_at=now() - 90 * SECOND)
    make_tasks(1, "RUNNING", started_at=now() - 30 * SECOND)
    make_tasks(1, "RUNNING", started_at=now() - 300 * SECOND, node_id=2)
    found = look(counts=make_counts(draining=(2,)))
    assert found.ages == (pytest.approx(90, abs=9), pytest.approx(30, abs=9))
    assert not is_idle(found)


def test_running_tasks_of_paused_lanes_hold_slots_all_the_same() -> None:
    make_tasks(1, "RUNNING", started_at=now() - 90 * SECOND)
    make_queue(paused_at=now())
    assert len(look().ages) == 1


def test_a_batch_that_was_claimed_takes_no_more_than_the_slots() -> None:
    make_tasks(1, "RUNNING", started_at=now() - 40 * SECOND)
    make_tasks(50, "RUNNING")
    found = look()
    assert len(found.ages) == 2
    assert 40 <= found.ages[0] < 50


def test_async_tasks_share_slots(settings: LazySettings) -> None:
    settings.TASKPLANE = {**settings.TASKPLANE, "ASYNC_CONCURRENCY": 10}
    make_tasks(30, "RUNNING", type="test-long-async", started_at=now() - 60 * SECOND)
    assert len(look().ages) == 3
    make_tasks(30, "RUNNING", type="nobody-knows-it", started_at=now() - 60 * SECOND)
    assert len(look().ages) == 5, "an unknown type counts as sync: two slots are all there are"


def test_a_few_async_tasks_take_no_slot_but_the_pool_is_not_idle() -> None:
    make_tasks(3, "RUNNING", type="test-long-async", started_at=now() - 60 * SECOND)
    found = look()
    assert found.ages == (0.0,)
    assert not is_idle(found)
    decided = decide("predictive", found, make_settings(), Memory())
    assert decided.outcome.recommended == 1


def test_a_large_fleet_is_measured_in_bins() -> None:
    at = now()
    first = make_tasks(1, "RUNNING", started_at=at - SECOND)[0]
    started_at = f"timestamptz '{at.isoformat()}' - (n / 3 + 1) * interval '1 second'"
    multiply(first, 899, started_at=started_at)
    found = look(counts=make_counts(ready=tuple(range(500))))
    later = found.measured_at - at.timestamp()
    assert len(found.ages) == 900
    assert len(set(found.ages)) <= 25
    assert sum(found.ages) / 900 == pytest.approx(150.5 + later, abs=5)
    assert list(found.ages) == sorted(found.ages, reverse=True)
    written = json.dumps(found.to_json())
    assert len(json.loads(written)["ages"]) <= 25
    assert Demand.from_json(json.loads(written)) == found


def count_calls(action: Callable[[], Any]) -> int:
    """Calls of functions, in Python and in C: the work, without a clock."""
    calls = 0

    def note(_frame: Any, event: str, _arg: Any) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(note)
    try:
        action()
    finally:
        sys.setprofile(None)
    return calls


def test_twenty_thousand_running_tasks_are_decided_with_little_work() -> None:
    first = make_tasks(1, "RUNNING")[0]
    multiply(first, 19_999, started_at="clock_timestamp() - n * interval '10 ms'")
    found = look(counts=make_counts(ready=tuple(range(10_000))))
    assert len(found.ages) == 20_000
    settings = make_settings().model_copy(update={"max_workers": 20_000})
    calls = count_calls(lambda: decide("predictive", found, settings, Memory()))
    size = len(json.dumps(decide("predictive", found, settings, Memory()).to_json()))
    print(f"20,000 running: {calls} calls a decision, {size} bytes")
    assert calls < 60_000
    assert size < 10_000


def test_run_times_of_what_ran_to_an_end() -> None:
    make_lane_attempts(3, 4.0, ago=1)
    make_lane_attempts(1, 2.0, ago=3_000, outcome="FAILED")
    make_lane_attempts(1, 30.0, ago=80_000, outcome="TIMED_OUT")
    for outcome in ("CANCELLED", "SNOOZED", "INTERRUPTED", "LOST"):
        make_lane_attempts(1, 1_000.0, outcome=outcome)
    make_lane_attempts(1, 1_000.0, ago=90_000)
    found = look().run_times
    assert found.tasks == 5
    assert found.mean == pytest.approx((3 * 4 + 2 + 30) / 5)


def test_run_times_are_those_of_the_newest_thousand() -> None:
    make_lane_attempts(400, 9.0, ago=5_000)
    make_lane_attempts(700, 5.0, ago=500)
    make_lane_attempts(500, 1.0, ago=300)
    observer = Observer(["*"])
    for _ in range(2):
        found = observer.look(make_counts(), make_configuration()).run_times
        assert found.tasks == 1_000
        assert found.mean == pytest.approx((500 * 1 + 500 * 5) / 1_000)


def test_run_times_go_as_far_back_as_arrivals() -> None:
    """Twenty thousand quick tasks of the last two minutes count beside the slow ones after them."""
    make_lane_attempts(20_000, 0.001, ago=60)
    make_lane_attempts(1_000, 2.0, ago=5)
    found = look().run_times
    assert (found.tasks, found.mean) == (21_000, pytest.approx((20 + 2_000) / 21_000))


def test_run_times_when_more_ends_than_can_be_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scaling.queries.run_times.MAX_LOOKED_AT", 2_000)
    make_lane_attempts(2_100, 3.0, ago=50)
    make_lane_attempts(1_500, 1.0, ago=5)
    found = look().run_times
    assert (found.tasks, found.mean) == (1_500, pytest.approx(1.0))


def test_run_times_beside_a_busier_queue() -> None:
    make_lane_attempts(21_000, 3.0, ago=50)
    make_lane_attempts(40, 7.0, ago=5, queue="mail")
    found = look("mail").run_times
    assert found.tasks == pytest.approx(40)
    assert found.mean == pytest.approx(7.0)


def test_an_async_attempt_takes_its_share_of_a_slot() -> None:
    make_lane_attempts(10, 60.0, type="test-long-async")
    assert look().run_times.mean == pytest.approx(60 / 500)


def test_a_thousand_async_tasks_ask_for_no_hundred_workers() -> None:
    """They take a minute each; one worker of two slots holds them all at once."""
    settings = make_settings(max_workers=1_000)
    make_lane_attempts(50, 60.0, type="test-long-async")
    make_tasks(1_000, type="test-long-async", created_at=now() - 60 * SECOND)
    found = look(max_workers=1_000)
    assert found.waiting == 1_000
    decision = decide("predictive", found, settings, Memory())
    assert decision.outcome.recommended <= 5
    assert replay(json.loads(json.dumps(decision.to_json()))).outcome == decision.outcome


def test_a_thousand_sync_tasks_do() -> None:
    settings = make_settings(max_workers=1_000)
    make_lane_attempts(50, 60.0, type="test-long")
    make_tasks(1_000, type="test-long", created_at=now() - 60 * SECOND)
    found = look(max_workers=1_000)
    assert decide("predictive", found, settings, Memory()).outcome.recommended > 200


@pytest.mark.django_db(transaction=True)
def test_a_look_sees_one_moment_and_writes_nothing() -> None:
    make_queue()
    with one_snapshot() as at:
        assert Queue.objects.count() == 1
        other = connection.copy()
        try:
            with other.cursor() as cursor:
                cursor.execute("DELETE FROM tasks_app_queue")
        finally:
            other.close()
        assert Queue.objects.count() == 1
        assert abs((at - now()).total_seconds()) < 5
    assert Queue.objects.count() == 0
    with pytest.raises(DatabaseError, match="read-only"), one_snapshot():
        make_queue()


@pytest.mark.django_db(transaction=True)
def test_a_query_that_takes_too_long_is_an_error_of_the_database() -> None:
    slow = "SELECT pg_sleep(30)"
    with pytest.raises(OperationalError, match="statement timeout"), one_snapshot(0.2):
        connection.cursor().execute(slow)
    assert look().waiting == 0
