"""The end of a test: every task is read again, and the report written."""

from collections.abc import Callable
from datetime import UTC, datetime

from django.db.models import Sum

from controlplane.stress import transitions
from controlplane.stress.facts import Facts, add_up, establish
from controlplane.stress.flights import find_peaks, read_flights, to_microseconds
from controlplane.stress.models import StressTest
from controlplane.stress.report import Course, Point, write_report
from controlplane.stress.selectors import parameters_of
from controlplane.stress.services.environment import count_stale_writes
from controlplane.stress.services.reacting import describe_reaction
from controlplane.stress.states import StressState
from tasks_app.selectors.ledger import read_ledger


def check_some(test: StressTest, is_enough: Callable[[], bool]) -> bool:
    """Establish the facts of chunks until `is_enough`; whether all have theirs now."""
    for chunk in test.chunks.filter(facts__isnull=True).order_by("number").iterator(chunk_size=10):
        ledger = read_ledger(test.workspace_id, chunk.task_ids)
        facts = establish(chunk.task_ids, chunk.fates, ledger)
        chunk.facts = {**facts.to_json(), "flights": read_flights(ledger.attempts)}
        chunk.save(update_fields=["facts"])
        if is_enough():
            break
    return not test.chunks.filter(facts__isnull=True).exists()


def give_verdict(test: StressTest, now: datetime) -> None:
    """Write the report, and end the test."""
    facts, flights = _add_up_chunks(test)
    points = _course_of(test, facts, flights, now)
    test.peak_running = max((point.running for point in points), default=0)
    begun_at = test.begun_at or now
    report = write_report(
        facts,
        Course(
            parameters=parameters_of(test),
            environment={k: v for k, v in test.environment.items() if k != "staleWrites"},
            submitted=test.submitted,
            dependents=test.dependents,
            edges=test.chunks.aggregate(edges=Sum("edges"))["edges"] or 0,
            begun_at=begun_at,
            submitted_at=test.submitted_at,
            ended_at=now,
            peak_running=test.peak_running,
            peak_waiting=test.peak_waiting,
            stale_writes=count_stale_writes(test.environment),
            ends_as=test.ends_as,
            reason=test.stop_reason,
            points=points,
            scaling=describe_reaction(begun_at, now, points),
        ),
    )
    # The counts of a look may be older than those of the check.
    test.completed, test.failed, test.cancelled = facts.completed, facts.failed, facts.cancelled
    test.waiting = test.running = 0
    transitions.end(
        test.id,
        state=StressState(test.ends_as),
        verdict=report["verdict"],
        report=report,
        at=now,
    )
    # The report has what they come to, and is kept for a year.
    test.chunks.update(facts=None)
    test.samples.all().delete()


def _course_of(
    test: StressTest, facts: Facts, flights: tuple[list[int], list[int]], now: datetime
) -> list[Point]:
    """The samples and the end, each with the most attempts that were in flight since the one
    before: a short peak falls between two samples."""
    samples = list(test.samples.order_by("at", "id"))
    end = datetime.fromtimestamp(facts.last_end, UTC) if facts.last_end is not None else now
    last = max([end, *(sample.at for sample in samples)])
    workers = samples[-1].workers if samples else 0
    ended = facts.completed + facts.failed + facts.cancelled
    times = [*(to_microseconds(sample.at) for sample in samples), to_microseconds(last)]
    peaks = find_peaks(*flights, times)
    return [
        *(
            Point(s.at, s.submitted, s.ended, s.waiting, peak, s.workers)
            for s, peak in zip(samples, peaks, strict=False)
        ),
        Point(last, test.submitted, ended, 0, peaks[-1], workers),
    ]


def _add_up_chunks(test: StressTest) -> tuple[Facts, tuple[list[int], list[int]]]:
    """The facts of all chunks, and the beginnings and ends of their attempts."""
    several: list[Facts] = []
    starts: list[int] = []
    ends: list[int] = []
    rows = test.chunks.order_by("number").values_list("facts", flat=True)
    for row in rows.iterator(chunk_size=100):
        found = row or {}
        several.append(Facts.from_json(found))
        chunk_starts, chunk_ends = found["flights"]
        starts += chunk_starts
        ends += chunk_ends
    return add_up(several), (starts, ends)
