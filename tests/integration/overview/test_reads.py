"""What the checks are made of: rates, letters, schedules."""

from datetime import timedelta

import pytest

from controlplane.core.clock import now
from controlplane.ops.schedules.queries.failing import list_failing
from dlq.models import DeadLetter, LetterGroup
from dlq.queries.growth import read_growth
from tasks_app.models import Rollup
from tasks_app.queries.rates import Ends, rate_types, read_ends, read_lane_ends
from tests.clients import default_workspace, other_workspace
from tests.factories import make_firing, make_job, make_letter, make_queue

pytestmark = pytest.mark.django_db

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def roll_up(at, seconds=60, *, name="charge-card", queue="billing", workspace=None, **counts):
    workspace = workspace or default_workspace()
    zeros = dict.fromkeys(
        ("submitted", "started", "completed", "failed", "retried", "lost", "cancelled"), 0
    )
    Rollup.objects.create(
        workspace_id=workspace.id,
        seconds=seconds,
        at=at,
        queue_id=make_queue(queue, workspace).id,
        type=name,
        runs={},
        waits={},
        **{**zeros, "run_ms": 0.0, "wait_ms": 0.0, **counts},
    )


def test_a_type_is_compared_with_the_full_hours_of_the_day_before():
    recent = now().replace(second=0, microsecond=0) - 15 * MINUTE
    hour = recent.replace(minute=0)
    roll_up(recent, completed=10, failed=4, run_ms=14_000.0)
    roll_up(recent - MINUTE, completed=500)  # neither
    roll_up(hour - HOUR, 3_600, completed=90, failed=1, run_ms=9_100.0)
    roll_up(hour - DAY, 3_600, completed=10)
    roll_up(hour - DAY - HOUR, 3_600, completed=700)  # too old
    roll_up(hour - HOUR, 3_600, completed=3, name="quiet")  # nothing recent
    roll_up(recent, completed=9, workspace=other_workspace())
    (found,) = rate_types(default_workspace().id, recent)
    assert (found.completed, found.failed) == (10, 4)
    assert (found.completed_before, found.failed_before) == (100, 1)
    assert found.mean_run == 1.0
    assert found.mean_run_before == pytest.approx(9.1 / 101)


def test_ends_are_summed_by_step_by_type_and_by_queue():
    begin = now().replace(second=0, microsecond=0) - 10 * MINUTE
    roll_up(begin, completed=1, failed=2, retried=1, failed_tasks=1)
    roll_up(begin + MINUTE, completed=3)
    roll_up(begin + MINUTE, completed=7, name="send-email", queue="email")
    roll_up(begin + MINUTE, completed=100, workspace=other_workspace())
    workspace = default_workspace().id
    assert read_ends(workspace, begin, 5 * MINUTE) == {(begin, ""): Ends(11, 1, 2, 1)}
    by_type = read_ends(workspace, begin, MINUTE, types=["charge-card"])
    assert by_type[begin + MINUTE, "charge-card"] == Ends(completed=3)
    assert read_lane_ends(workspace, begin)[make_queue("email").id] == Ends(completed=7)


def test_open_letters_of_an_hour_ago_are_counted_back():
    def letter(died_ago, **fields):
        made = make_letter(type="test-echo")
        DeadLetter.objects.filter(id=made.id).update(died_at=now() - died_ago, **fields)

    letter(3 * HOUR)
    letter(3 * HOUR, status="DISCARDED", resolved_at=now() - 20 * MINUTE)
    letter(3 * HOUR, status="DISCARDED", resolved_at=now() - 2 * HOUR)
    letter(30 * MINUTE)
    letter(30 * MINUTE, status="DISCARDED", resolved_at=now() - 10 * MINUTE)
    make_letter(workspace=other_workspace())
    found = read_growth(default_workspace().id, now())
    assert found.open == 2
    assert found.an_hour_ago == 2
    assert max(found.series) == 4
    assert found.new == {"test-echo": 2}
    assert found.before == {"test-echo": 3}
    assert not found.is_estimate


def test_letters_of_muted_groups_are_left_out():
    make_letter(type="test-echo")
    muted = make_letter(type="test-raise")
    LetterGroup.objects.filter(id=muted.id).update(
        state="MUTED", muted_until=now() + HOUR, state_at=now()
    )
    found = read_growth(default_workspace().id, now())
    assert (found.open, found.new) == (1, {"test-echo": 1})


def test_only_schedules_whose_newest_ends_all_failed_are_listed():
    def job(name, *states):
        made = make_job(name)
        for number, state in enumerate(states):
            fields = {"skip_reason": "MISSED"} if state == "SKIPPED" else {}
            at = now() - DAY * (number + 1)
            make_firing(made, state, scheduled_for=at, error={"class": "Denied"}, **fields)

    job("failing", "SKIPPED", "FAILED", "FAILED", "SKIPPED", "FAILED", "COMPLETED")
    job("recovered", "COMPLETED", "FAILED", "FAILED", "FAILED")
    job("twice", "FAILED", "FAILED")
    job("running", "STARTED", "FAILED", "FAILED", "FAILED")
    found = {
        each.name: each for each in list_failing(default_workspace().id, least=3, with_error=1)
    }
    assert set(found) == {"failing", "running"}
    assert found["failing"].failures == 3
    assert found["failing"].error == {"class": "Denied"}
    assert found["running"].error is None
    assert (now() - found["failing"].failed_since).days == 5
    assert (now() - found["failing"].last_completed).days == 6
    assert list_failing(other_workspace().id, least=3, with_error=9) == []
