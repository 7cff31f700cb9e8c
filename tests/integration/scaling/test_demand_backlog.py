"""What waits may be of other kinds than what ended: how long it takes, its own kinds say."""

from datetime import timedelta

import pytest

import tests.handlers  # noqa: F401 - registers the test types
from controlplane.core.clock import now
from scaling.queries.demand import Observer
from scaling.strategies import Memory, decide
from tasks_app.services.rollups import recompute_range
from tests.factories import make_queue, make_tasks
from tests.integration.scaling.measuring import (
    look,
    make_configuration,
    make_counts,
    make_lane_attempts,
    make_settings,
)

pytestmark = pytest.mark.django_db


def roll_up() -> None:
    """As the dispatcher does, for the last hours."""
    begin = now().replace(minute=0, second=0, microsecond=0) - timedelta(hours=6)
    recompute_range(begin, begin + timedelta(hours=7))


def test_slow_work_behind_much_quick_work_is_seen() -> None:
    make_lane_attempts(20, 2.0, ago=3_000, type="slow")
    make_lane_attempts(2_000, 0.001, ago=5, type="quick")
    roll_up()
    make_tasks(500, type="slow")
    # Quick ones may come again, and count too: it is the work of both that is right.
    found = look()
    ahead = found.waiting + found.per_second * 90
    assert found.run_times.mean * ahead == pytest.approx(500 * 2 + found.per_second * 0.09, rel=0.1)
    settings = make_settings(objective_seconds=30.0)
    assert decide("unguarded", found, settings, Memory()).outcome.recommended > 4


def test_without_a_backlog_the_newest_ends_count() -> None:
    make_lane_attempts(20, 2.0, ago=3_000, type="slow")
    make_lane_attempts(2_000, 0.001, ago=5, type="quick")
    roll_up()
    assert look().run_times.mean == pytest.approx(0.001)


def test_a_kind_of_which_none_has_ended_counts_as_what_ended() -> None:
    make_lane_attempts(100, 3.0, ago=5, type="known")
    roll_up()
    make_tasks(50, type="new")
    assert look().run_times.mean == pytest.approx(3.0)


def test_kinds_count_as_many_times_as_they_wait() -> None:
    make_lane_attempts(10, 1.0, ago=3_000, type="short")
    make_lane_attempts(10, 5.0, ago=3_000, type="long")
    roll_up()
    observer = Observer(["*"])
    old = now() - timedelta(hours=1)  # nothing of it has just arrived
    make_tasks(300, type="short", created_at=old)
    make_tasks(100, type="long", created_at=old)
    found = observer.look(make_counts(), make_configuration()).run_times
    # The first 200 of the queue are all short; a sample stands for the rest.
    assert found.mean == pytest.approx(1.0, rel=0.06)
    make_tasks(100, type="long", queue="other", created_at=old)
    found = observer.look(make_counts(), make_configuration()).run_times
    assert found.mean == pytest.approx((400 * 1 + 100 * 5) / 500, rel=0.06)


def test_async_kinds_take_their_share_of_a_slot() -> None:
    make_lane_attempts(100, 60.0, ago=3_000, type="test-long-async")
    make_lane_attempts(1_000, 1.0, ago=300)
    roll_up()
    make_tasks(100, type="test-long-async", created_at=now() - timedelta(hours=1))
    found = look().run_times
    assert found.mean == pytest.approx(60 / 500, rel=0.06)


def test_what_waits_in_a_paused_lane_does_not_count() -> None:
    make_lane_attempts(20, 50.0, ago=3_000, type="slow")
    make_lane_attempts(1_000, 1.0, ago=5)
    roll_up()
    make_tasks(100, type="slow", queue="held")
    make_queue("held", paused_at=now())
    assert look().run_times.mean == pytest.approx(1.0)


def test_what_has_just_started_counts_as_its_kind() -> None:
    """A thousand async tasks have started and not ended; what ended are a few slow ones."""
    make_lane_attempts(100, 60.0, ago=3_000, type="test-long-async")
    make_lane_attempts(100, 4.0, ago=60)
    roll_up()
    make_tasks(900, "RUNNING", type="test-long-async", started_at=now() - timedelta(seconds=5))
    found = look(counts=make_counts(startup=10.0)).run_times
    assert found.mean == pytest.approx((100 * 4 + 1_000 * 0.12) / 1_100, rel=0.06)


def test_an_async_kind_of_which_none_has_ended_takes_a_share_of_a_slot() -> None:
    make_lane_attempts(1_000, 4.0, ago=60)
    roll_up()
    make_tasks(1_000, "RUNNING", type="test-long-async", started_at=now() - timedelta(seconds=5))
    assert look().run_times.mean == pytest.approx((4 + 4 / 500) / 2, rel=0.06)


def test_a_kind_that_takes_longer_than_yesterday_is_known_after_thirty() -> None:
    make_lane_attempts(5_000, 0.05, ago=3_000, type="changing")
    make_lane_attempts(40, 2.0, ago=200, type="changing")
    roll_up()
    make_tasks(100, type="changing", created_at=now() - timedelta(hours=1))
    assert look().run_times.mean == pytest.approx(2.0, rel=0.06)


def test_what_is_soon_due_counts_as_its_kind() -> None:
    make_lane_attempts(100, 2.0, ago=3_000, type="slow")
    make_lane_attempts(1_000, 0.01, ago=300)
    roll_up()
    worker_counts = make_counts(startup=30.0)
    make_tasks(500, "SCHEDULED", type="slow", run_at=now() + timedelta(seconds=300))
    assert look(counts=worker_counts).run_times.mean == pytest.approx(0.01)
    make_tasks(500, "SCHEDULED", type="slow", run_at=now() + timedelta(seconds=40))
    found = look(counts=worker_counts)
    assert found.run_times.mean == pytest.approx(2.0, rel=0.06)
    settings = make_settings()
    assert decide("predictive", found, settings, Memory()).desired > 3
