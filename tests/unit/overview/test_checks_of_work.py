"""Sentences about queues, types, dead letters and schedules, and when there is none."""

from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qs
from uuid import uuid4

import pytest

from controlplane.ops.overview.checks import run_checks
from controlplane.ops.overview.checks.queues import check_paused_queues, check_queues
from controlplane.ops.overview.checks.work import (
    check_letters,
    check_schedules,
    check_types,
    leaves_baseline,
)
from controlplane.ops.overview.facts import TypeFact
from controlplane.ops.schedules.queries.failing import FailingSchedule
from tasks_app.queries.rates import TypeRates
from tests.unit.overview.facts import AT, LETTERS, MINUTE, facts, queue, rates


def only(check, **changes):
    findings, _ = check(facts(**changes))
    (finding,) = findings
    return finding


def test_nothing_is_wrong_with_a_quiet_workspace():
    report = run_checks(facts(queues=[queue(oldest_seconds=59.0, waiting=3)], types=[rates(90, 1)]))
    assert report.findings == []
    assert report.passed == report.checked > 5


def test_a_late_queue_is_named_with_its_wait_the_objective_and_what_holds_it():
    late = queue(
        waiting=912,
        running=24,
        oldest_seconds=372.0,
        max_running=24,
        holders=[("charge-card", 24)],
        waits=[4.0] * 30 + [61.0] * 31,
    )
    slower = TypeFact(TypeRates("charge-card", 100, 0, 1_000, 0, 3_000_000.0, 1_200_000.0))
    found = only(check_queues, queues=[late], types=[slower])
    assert found.subject == "billing"
    assert found.says == (
        "misses its wait objective: the oldest task has waited 6 min 12 s instead of 1 min."
    )
    assert found.why == (
        "charge-card holds 24 of its 24 slots; its mean run time rose from 1.2 s to 30 s. "
        "Its limit of 24 running tasks is reached: more workers would not help."
    )
    assert found.since == AT.replace(second=0) - 30 * MINUTE
    assert found.evidence.target == 60


def test_the_start_of_a_late_queue_without_samples_is_when_its_first_task_was_due():
    found = only(check_queues, queues=[queue(waiting=1, oldest_seconds=90.0)])
    assert found.since == AT - timedelta(seconds=30)


def test_a_minute_that_was_not_sampled_does_not_end_a_stretch():
    late = queue(waiting=1, oldest_seconds=90.0, waits=[1.0, 70.0, None, 80.0, None])
    assert only(check_queues, queues=[late]).since == AT.replace(second=0) - 3 * MINUTE


def test_a_queue_that_nobody_serves_says_so():
    late = queue(waiting=1, oldest_seconds=90.0, is_served=False)
    assert only(check_queues, queues=[late]).why == "No live worker takes work of this queue."


def test_a_queue_without_a_worker_is_named_before_it_is_late():
    waits = queue("mail", waiting=3, oldest_seconds=16.0, is_served=False)
    found = only(check_queues, queues=[waits])
    assert f"{found.subject} {found.says}" == "mail has no worker, and 3 tasks wait."
    assert found.since == AT - timedelta(seconds=16)
    just_now = replace(waits, oldest_seconds=5.0)
    assert check_queues(facts(queues=[just_now])) == ([], 1)
    assert check_queues(facts(queues=[waits], live_nodes=0)) == ([], 1)


def test_a_paused_queue_is_not_late_but_is_named_while_tasks_wait():
    paused = queue(
        "media", waiting=46, oldest_seconds=7_000.0, paused_at=AT - 9 * MINUTE, paused_by="jonas",
        pause_reason="bucket moves",
    )  # fmt: skip
    assert check_queues(facts(queues=[paused])) == ([], 0)
    found = only(check_paused_queues, queues=[paused])
    assert found.says == "is paused by jonas, and 46 tasks wait."
    assert found.why == "Reason: bucket moves"
    assert found.since == AT - 9 * MINUTE
    assert check_paused_queues(facts(queues=[replace(paused, waiting=0)])) == ([], 1)


def test_a_type_that_left_its_baseline_is_named_with_both_rates_and_its_error():
    failing = replace(rates(1_822, 596), since=AT - 36 * MINUTE, error={"class": "Timeout"})
    letters = replace(LETTERS, new={"charge-card": 596, "other": 53})
    found = only(check_types, types=[failing], letters=letters)
    assert found.says == (
        "fails 24.6 % of the time, usually 0.6 %: 596 of 2,418 attempts in 15 min."
    )
    assert found.why == "Timeout. 596 of 649 new dead letters in the last hour."
    assert found.since == AT - 36 * MINUTE
    assert found.evidence.target == pytest.approx(0.006, abs=0.0001)


def test_a_failing_type_leads_to_its_tasks_that_failed_or_are_retried():
    failing = TypeFact(TypeRates('a,"b"', 1_822, 596, 10_000, 60))
    found = only(check_types, types=[failing])
    assert found.link.page == "tasks_app_task_changelist"
    assert parse_qs(found.link.query) == {
        "workspace": [str(facts().workspace_id)],
        "type": ['"a,\\"b\\""'],
        "status": ["RETRYING,FAILED"],
    }


@pytest.mark.parametrize(
    ("completed", "failed", "before", "failed_before", "expected"),
    [
        (10, 9, 10_000, 0, False),  # too few attempts to judge
        (96, 4, 10_000, 200, False),  # 4 % may be 2 %
        (900, 100, 10_000, 60, True),
        (0, 20, 10_000, 60, True),
        (500, 500, 10_000, 5_000, False),  # it always fails so
        (99_500, 500, 1_000_000, 3_000, False),  # significant, but not worth a sentence
        (10, 40, 0, 0, True),  # a new type, of which most fail
        (30, 20, 0, 0, False),
    ],
)
def test_a_baseline_is_left_only_by_what_is_significant_and_matters(
    completed, failed, before, failed_before, expected
):
    fact = TypeRates("charge-card", completed, failed, before - failed_before, failed_before)
    assert leaves_baseline(fact) is expected


def test_growing_letters_are_named_unless_a_failing_type_explains_them():
    letters = replace(LETTERS, open=64, new={"charge-card": 50, "other": 10})
    found = only(check_letters, letters=letters)
    assert found.says == "grow: 60 in the last hour, usually 1.0; 64 are open."
    assert found.why == "50 of them are charge-card."
    assert check_letters(facts(letters=letters, types=[rates(100, 200)])) == ([], 1)


@pytest.mark.parametrize("new", [0, 9, 12])
def test_a_few_letters_are_normal(new):
    letters = replace(LETTERS, new={"charge-card": new}, before={"charge-card": 24 * 8})
    assert check_letters(facts(letters=letters)) == ([], 1)


def test_a_schedule_that_failed_three_times_says_when_it_last_completed():
    times = [AT - timedelta(days=number) for number in range(10)]
    schedule = FailingSchedule(
        uuid4(),
        "nightly-export",
        AT + timedelta(hours=22),
        [False] * 3 + [True] * 7,
        times,
        {"class": "PermissionDenied", "message": "s3://ledger"},
    )
    found = only(check_schedules, failing=[schedule])
    assert found.says == "has failed 3 times in a row; it last completed at 2026-11-24 03:17 UTC."
    assert found.why == "PermissionDenied: s3://ledger. It fires next in 22 h."
    assert found.since == times[2]
    assert found.evidence.completed == [True] * 7 + [False] * 3


def test_a_schedule_that_never_completed_does_not_invent_a_date():
    schedule = FailingSchedule(uuid4(), "x", None, [False] * 10, [AT] * 10, None)
    assert (
        only(check_schedules, failing=[schedule]).says == "has failed at least 10 times in a row."
    )
