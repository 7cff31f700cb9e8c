"""Reports: figures, series, comparisons. Facts add up."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from controlplane.stress.comparing import compare
from controlplane.stress.facts import Facts, add_up, establish
from controlplane.stress.flights import find_peaks, read_flights
from controlplane.stress.report import (
    MAX_POINTS,
    Course,
    Point,
    describe_times,
    thin,
    write_report,
)
from tasks_app.selectors.ledger import Ledger, LedgerAttempt, LedgerEdge, LedgerTask

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return BEGIN + timedelta(seconds=seconds)


def facts_of(count: int, *, run_seconds: float = 1.0, start: float = 1.0) -> Facts:
    """Facts of so many tasks that completed side by side."""
    ids = [uuid4() for _ in range(count)]
    end = start + run_seconds
    return establish(
        ids,
        "C" * count,
        Ledger(
            tasks=[LedgerTask(task, "COMPLETED", 1, at(end)) for task in ids],
            attempts=[LedgerAttempt(task, 1, "SUCCEEDED", 500, at(start), at(end)) for task in ids],
            edges=[],
        ),
    )


def course(**fields: Any) -> Course:
    values: dict[str, Any] = {
        "parameters": {"tasks": 30},
        "environment": {"slots": 2},
        "submitted": 30,
        "dependents": 0,
        "edges": 0,
        "begun_at": BEGIN,
        "submitted_at": at(2),
        "ended_at": at(10),
        "peak_running": 12,
        "peak_waiting": 20,
        "stale_writes": 0,
        "ends_as": "DONE",
        "reason": "",
        "points": [],
        "scaling": {},
    }
    return Course(**{**values, **fields})


def test_facts_of_chunks_add_up_and_survive_json() -> None:
    one, other = facts_of(10), facts_of(20, run_seconds=4.0, start=0.5)
    total = add_up(Facts.from_json(facts.to_json()) for facts in (one, other))
    assert (total.planned, total.completed, total.attempts) == (30, 30, 30)
    assert sum(total.runs.values()) == 30
    assert total.longest_run == pytest.approx(4_000)
    assert total.first_start == at(0.5).timestamp()
    assert total.last_end == at(4.5).timestamp()
    assert total.outcomes == {"SUCCEEDED": 30}
    assert add_up([]) == Facts()


def test_the_figures() -> None:
    report = write_report(add_up([facts_of(10), facts_of(20, run_seconds=4.0)]), course())
    figures = report["figures"]
    assert report["verdict"] == "PASSED"
    assert (figures["submitPerSecond"], figures["completePerSecond"]) == (15.0, 6.0)
    assert figures["elapsedSeconds"] == 5.0
    assert figures["runMs"]["p50"] == pytest.approx(4_000, rel=0.05)
    assert figures["runMs"]["max"] == pytest.approx(4_000)
    assert figures["waitMs"]["p99"] == pytest.approx(500, rel=0.05)
    assert (figures["peakInFlight"], figures["peakBacklog"]) == (12, 20)


def test_a_report_of_nothing() -> None:
    report = write_report(Facts(), course(submitted=0, ends_as="STOPPED", submitted_at=None))
    assert report["verdict"] == "PASSED"
    assert report["figures"]["waitMs"] == {"p50": None, "p95": None, "p99": None, "max": None}
    assert report["figures"]["completePerSecond"] is None


def test_a_percentile_is_never_told_above_the_longest() -> None:
    told = describe_times({0: 1}, 0.93)
    assert told == {"p50": 0.93, "p95": 0.93, "p99": 0.93, "max": 0.93}


def test_an_attempt_that_starts_as_its_parent_ends_is_in_order() -> None:
    parent, child = uuid4(), uuid4()

    def of(start: float) -> Facts:
        return establish(
            [parent, child],
            "CC",
            Ledger(
                tasks=[
                    LedgerTask(parent, "COMPLETED", 1, at(1)),
                    LedgerTask(child, "COMPLETED", 1, at(3)),
                ],
                attempts=[
                    LedgerAttempt(parent, 1, "SUCCEEDED", 0, at(0), at(1)),
                    LedgerAttempt(child, 1, "SUCCEEDED", 0, at(start), at(3)),
                ],
                edges=[LedgerEdge(child, parent, at(1))],
            ),
        )

    assert of(1).disordered == 0
    assert of(0.999).disordered == 1
    assert of(0.999).examples["order"] == [str(child)]


def test_the_peak_in_flight() -> None:
    assert find_peaks([], [], [9]) == [0]
    assert find_peaks([1, 5], [5, 9], [9]) == [1]
    assert find_peaks([1, 4, 2], [5, 9, 3], [9]) == [2]
    assert find_peaks([0, 1, 2], [10, 10, 10], [10]) == [3]
    start, end = at(1), at(1.00001)
    known = LedgerAttempt(uuid4(), 1, "SUCCEEDED", 0, start, end)
    lost = LedgerAttempt(uuid4(), 1, "LOST", 0, start, at(30))
    starts, ends = read_flights([known, lost])
    assert (len(starts), ends[0] - starts[0]) == (1, 10)


@pytest.mark.parametrize("count", [0, 1, 300, 301, 599, 600, 601, 5_000])
def test_a_series_has_few_points_and_the_last(count: int) -> None:
    points = [Point(at(n), n, 0, 0, 0, 1) for n in range(count)]
    kept = thin(points)
    assert len(kept) <= MAX_POINTS
    assert kept[-1:] == points[-1:]
    assert kept == sorted(kept, key=lambda point: point.at)


def test_a_comparison_tells_what_is_better() -> None:
    slow = write_report(facts_of(30, run_seconds=4.0), course())
    quick = write_report(facts_of(30, run_seconds=1.0), course(environment={"slots": 4}))
    found = compare(quick, slow)
    changes = {figure["name"]: figure["change"] for figure in found["figures"]}
    assert changes["completePerSecond"] == changes["runMs.p95"] == "better"
    assert changes["submitPerSecond"] == changes["waitMs.p50"] == "alike"
    assert found["warnings"] == ["slots differs at the beginning: 4 and 2."]
    assert {f["change"] for f in compare(slow, quick)["figures"]} == {"worse", "alike"}


def test_another_seed_matters_only_to_tests_with_failures() -> None:
    def with_seed(seed: int, rate: float) -> dict[str, Any]:
        parameters = {"tasks": 30, "failureRate": rate, "seed": seed}
        return write_report(facts_of(30), course(parameters=parameters))

    assert compare(with_seed(1, 0.0), with_seed(2, 0.0))["warnings"] == []
    assert compare(with_seed(1, 0.1), with_seed(2, 0.1))["warnings"] == ["seed differs: 1 and 2."]


def test_a_peak_between_two_samples_is_in_the_series() -> None:
    starts, ends = [10, 11, 12, 40], [20, 21, 22, 90]
    assert find_peaks(starts, ends, [5, 30, 35, 60, 95]) == [0, 3, 0, 1, 1]
    assert max(find_peaks(starts, ends, [5, 95])) == 3


def test_fewer_points_keep_the_peaks() -> None:
    begin = datetime(2030, 1, 1, tzinfo=UTC)
    points = [
        Point(begin + timedelta(seconds=n), n, n, n % 7, 58 if n == 5 else 2, 1)
        for n in range(1_000)
    ]
    few = thin(points)
    assert len(few) <= 300
    assert few[-1].ended == 999
    assert max(point.running for point in few) == 58
    assert max(point.waiting for point in few) == 6


def test_completed_a_second_counts_no_other_ends() -> None:
    facts = Facts(completed=10, failed=20, cancelled=5, last_end=at(5).timestamp())
    assert write_report(facts, course(submitted=35))["figures"]["completePerSecond"] == 2.0
