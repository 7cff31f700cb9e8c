"""Sentences about processes, workers and the fleet; their order; how long they stay."""

from dataclasses import replace
from datetime import timedelta

from controlplane.ops.overview.checks import Finding, Harm, Link, run_checks
from controlplane.ops.overview.checks.engine import (
    check_autoscaler,
    check_dispatcher,
    check_figures,
    check_fleet,
    check_lost_nodes,
    check_overdue_schedules,
    check_overdue_tasks,
    check_workers,
)
from controlplane.ops.overview.facts import FleetFact, Loop, LostNode
from controlplane.ops.overview.recent import STAYS, Record, merge
from controlplane.ops.overview.significance import exceeds_rate, wilson
from tests.unit.overview.facts import AT, MINUTE, facts, queue

GONE = Loop(False, AT - 5 * MINUTE)


def says(check, **changes):
    findings, _ = check(facts(**changes))
    return [f"{each.subject} {each.says}" for each in findings]


def test_a_missing_dispatcher_is_named_with_when_it_was_seen():
    assert says(check_dispatcher, dispatcher=GONE) == [
        "The dispatcher does not run: it was last seen 5 min ago."
    ]
    assert says(check_dispatcher, dispatcher=Loop(False, None)) == [
        "The dispatcher does not run: it has never been seen."
    ]


def test_an_autoscaler_that_was_never_started_is_no_fault():
    assert says(check_autoscaler, autoscaler=Loop(False, None)) == []
    assert says(check_autoscaler, autoscaler=GONE, fleet=FleetFact(False, None, 1)) == []
    assert len(says(check_autoscaler, autoscaler=GONE)) == 1
    stuck = FleetFact(True, 2, 10, problem="Docker refuses.")
    assert says(check_autoscaler, fleet=stuck) == [
        "The autoscaler cannot change the number of workers."
    ]


def test_no_worker_matters_only_while_tasks_wait():
    assert says(check_workers, live_nodes=0) == []
    waiting = [queue(waiting=3), queue("media", waiting=5, paused_at=AT)]
    assert says(check_workers, live_nodes=0, queues=waiting) == [
        "No worker takes work, and 3 tasks wait."
    ]


def test_late_schedules_are_the_dispatcher_s_fault_only_if_it_runs():
    assert says(check_overdue_schedules, overdue_seconds=29.0) == []
    assert len(says(check_overdue_schedules, overdue_seconds=31.0)) == 1
    assert says(check_overdue_schedules, overdue_seconds=31.0, dispatcher=GONE) == []


def test_late_tasks_are_the_dispatcher_s_fault_only_if_it_runs():
    late = {"overdue_task_seconds": 95.0}
    (sentence,) = says(check_overdue_tasks, **late)
    assert sentence == (
        "Delayed tasks and retries are late: one has been due for 1 min 35 s, and normally becomes "
        "ready within a second."
    )
    assert says(check_overdue_tasks, **late, dispatcher=Loop(False, AT)) == []
    assert says(check_overdue_tasks, overdue_task_seconds=3.0) == []


def test_figures_that_are_no_longer_summed_up_are_named():
    old = {"summed_until": AT - 12 * MINUTE}
    assert says(check_figures, **old) == [
        "Figures are old: throughput, failure rates and percentiles end 12 min ago."
    ]
    assert says(check_figures, **old, dispatcher=Loop(False, AT)) == []
    assert says(check_figures, summed_until=None) == []
    assert says(check_figures, summed_until=AT - 2 * MINUTE) == []


def test_a_fleet_at_its_maximum_cannot_follow_while_waiting_grows():
    late = [queue(waiting=1_330, oldest_seconds=90.0)]
    growing = FleetFact(True, 12, 12, waiting=[400.0 + 100 * number for number in range(10)])
    (sentence,) = says(check_fleet, fleet=growing, queues=late)
    assert sentence.startswith("The fleet cannot follow: it is at its maximum of 12 workers, and ")
    assert sentence.endswith("waiting grew from 400 to 1,300 in 9 minutes.")
    for calm in (
        replace(growing, maximum=13),
        replace(growing, waiting=growing.waiting[::-1]),
        replace(growing, waiting=[None] * 10),
    ):
        assert says(check_fleet, fleet=calm, queues=late) == []
    assert says(check_fleet, fleet=growing, queues=[queue(oldest_seconds=1.0)]) == []


def test_a_lost_node_is_shown_for_an_hour_with_what_it_took_along():
    reason, memory = "It was killed by signal 9.", [1.0, 4.0e9]
    node = LostNode(5, "fra-05#5", AT - 15 * MINUTE, reason, 14, None, memory)
    assert says(check_lost_nodes, lost=[node]) == ["fra-05#5 was lost: killed by signal 9."]
    (found,), _ = check_lost_nodes(facts(lost=[node]))
    assert found.why == ("It took 14 tasks along; they were taken back. It used 3.7 GiB of memory.")
    assert found.is_moment
    counted = replace(node, states={"FAILED": 1, "COMPLETED": 13})
    (found,), _ = check_lost_nodes(facts(lost=[counted]))
    assert found.why.startswith("It took 14 tasks along: now 13 completed, 1 failed.")
    (found,), _ = check_lost_nodes(facts(lost=[replace(node, states={})]))
    assert found.why.startswith("It took no task along.")
    old = replace(node, lost_at=AT - timedelta(minutes=61))
    assert says(check_lost_nodes, lost=[old]) == []


def test_what_does_most_harm_comes_first_and_then_what_began_first():
    late = queue("late", waiting=1, oldest_seconds=400.0)
    later = queue("later", waiting=1, oldest_seconds=100.0)
    node = LostNode(5, "fra-05#5", AT - 15 * MINUTE, "", 0)
    report = run_checks(facts(queues=[later, late], lost=[node], dispatcher=GONE))
    assert [each.subject for each in report.findings] == [
        "The dispatcher",
        "late",
        "later",
        "fra-05#5",
    ]


def finding(key, **fields):
    return Finding(
        key=key, harm=Harm.LATE, subject=key, says="x.", link=Link("index"), action="", **fields
    )


def test_a_sentence_stays_a_minute_after_it_is_well():
    before = Record(AT, [finding("a"), finding("b")])
    soon = AT + timedelta(seconds=1)
    shown = merge(before, [finding("b")], soon)
    assert {each.key: each.well_since for each in shown} == {"a": soon, "b": None}
    almost = soon + STAYS - timedelta(seconds=1)
    still = merge(Record(almost, shown), [finding("b")], almost)
    assert {each.key: each.well_since for each in still} == {"a": soon, "b": None}
    gone = merge(Record(almost, still), [finding("b")], soon + STAYS)
    assert [each.key for each in gone] == ["b"]


def test_a_sentence_that_is_wrong_again_is_no_longer_well():
    before = Record(AT, [finding("a", well_since=AT - timedelta(seconds=5))])
    (shown,) = merge(before, [finding("a")], AT + timedelta(seconds=1))
    assert shown.well_since is None


def test_what_nobody_looked_at_for_long_is_no_news():
    before = Record(AT, [finding("a")])
    assert merge(before, [], AT + timedelta(minutes=5)) == []
    assert merge(None, [], AT) == []


def test_the_interval_of_a_share_holds_for_few_and_for_none():
    assert wilson(0, 0) == (0.0, 1.0)
    low, high = wilson(0, 20)
    assert low == 0
    assert 0.3 < high < 0.4
    low, high = wilson(20, 20)
    assert 0.6 < low < 0.7
    assert high == 1
    low, high = wilson(500, 1_000)
    assert low < 0.5 < high
    assert high - low < 0.11


def test_a_count_exceeds_its_mean_only_far_above_it():
    assert not exceeds_rate(3, 0.0)
    assert exceeds_rate(6, 0.0)
    assert not exceeds_rate(120, 100.0)
    assert exceeds_rate(140, 100.0)
