"""The checks of a report: the expected and the actual counts, with a sentence on each. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from controlplane.ops.stress.states import StressState, Verdict


@dataclass(slots=True)
class AuditCounts:
    """Counts of tasks, unless noted otherwise; sql/audit_tasks.sql defines each. Distributions and
    longest times are milliseconds."""

    planned_failed: int = 0
    planned_cancelled: int = 0
    missing: int = 0
    unended: int = 0
    completed: int = 0
    failed: int = 0
    cancelled: int = 0
    wrongly_completed: int = 0
    wrongly_failed: int = 0
    wrongly_cancelled: int = 0
    duplicated: int = 0
    unmatched: int = 0
    disordered: int = 0
    charged: int = 0  # attempts that the tasks say they had
    attempts: int = 0  # on record
    edges: int = 0  # dependencies on record
    longest_wait: float = 0.0
    longest_run: float = 0.0
    last_end: float | None = None  # seconds of the epoch
    outcomes: dict[str, int] = field(default_factory=dict)  # attempts by outcome
    waits: dict[str, int] = field(default_factory=dict)  # by bucket
    runs: dict[str, int] = field(default_factory=dict)
    examples: dict[str, list[str]] = field(default_factory=dict)  # ids of tasks by check

    @property
    def wrongly_ended(self) -> int:
        """Tasks that failed, or did not fail, contrary to the plan."""
        return self.wrongly_completed + self.wrongly_failed


@dataclass(frozen=True, slots=True)
class Check:
    """One condition that must be true."""

    name: str
    passed: bool
    expected: int | str
    actual: int | str
    sentence: str
    examples: Sequence[str] = ()  # ids of tasks for which it does not hold

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "passed": self.passed,
            "expected": self.expected,
            "found": self.actual,
            "sentence": self.sentence,
            "taskIds": list(self.examples),
        }


def judge(
    counts: AuditCounts, *, submitted: int, edges: int, ends_as: str, reason: str
) -> list[Check]:
    """The checks of a test by the number of tasks and dependencies that it submitted.

    `ends_as` is its last state; a person who stopped it may have cancelled any task.
    """
    checks = [
        _accounted(counts, submitted),
        _lost(counts),
        _duplicated(counts),
        _attempts(counts),
        _order(counts, edges),
        _failures(counts, is_whole=ends_as == StressState.DONE),
    ]
    if ends_as == StressState.DONE:
        checks.append(_cancellations(counts))
    if ends_as == StressState.FAILED:
        checks.append(Check("carriedOut", False, "to its end", "given up", reason))
    return checks


def verdict_of(checks: Sequence[Check]) -> Verdict:
    return Verdict.PASSED if all(check.passed for check in checks) else Verdict.FAILED


def summarize(checks: Sequence[Check], submitted: int) -> str:
    broken = [check for check in checks if not check.passed]
    if not broken:
        return f"Passed: all {len(checks)} checks hold for {submitted:,} tasks."
    return f"Failed: {len(broken)} of {len(checks)} checks do not hold. {broken[0].sentence}"


def _accounted(counts: AuditCounts, submitted: int) -> Check:
    ended = counts.completed + counts.failed + counts.cancelled
    return Check(
        "accounted",
        ended == submitted,
        submitted,
        ended,
        f"{counts.completed:,} tasks completed, {counts.failed:,} failed and "
        f"{counts.cancelled:,} were cancelled: {ended:,} of {submitted:,} submitted tasks.",
    )


def _lost(counts: AuditCounts) -> Check:
    lost = counts.missing + counts.unended
    sentence = (
        f"{counts.missing:,} tasks are gone and {counts.unended:,} have not ended."
        if lost
        else "Every submitted task is there, and has ended."
    )
    return Check("lost", lost == 0, 0, lost, sentence, counts.examples.get("lost", ()))


def _duplicated(counts: AuditCounts) -> Check:
    sentence = (
        f"{counts.duplicated:,} tasks succeeded twice, went on after a success, or ran twice at "
        "once."
        if counts.duplicated
        else "No task succeeded twice, went on after a success, or ran twice at once."
    )
    return Check(
        "duplicated",
        counts.duplicated == 0,
        0,
        counts.duplicated,
        sentence,
        counts.examples.get("duplicated", ()),
    )


def _attempts(counts: AuditCounts) -> Check:
    sentence = (
        f"The tasks were charged {counts.charged:,} attempts, and {counts.attempts:,} are on record"
    )
    sentence += (
        f"; for {counts.unmatched:,} tasks they differ, or no success is on record."
        if counts.unmatched
        else ", each under its own number."
    )
    return Check(
        "attempts",
        counts.unmatched == 0 and counts.charged == counts.attempts,
        counts.charged,
        counts.attempts,
        sentence,
        counts.examples.get("attempts", ()),
    )


def _order(counts: AuditCounts, edges: int) -> Check:
    holds = counts.disordered == 0 and counts.edges == edges
    if holds:
        sentence = (
            f"No task started before those it waits for had ended ({edges:,} dependencies)."
            if edges
            else "No task waits for another."
        )
    elif counts.disordered:
        sentence = f"{counts.disordered:,} tasks started before one they wait for had ended."
    else:
        sentence = f"{counts.edges:,} of {edges:,} submitted dependencies are on record."
    return Check(
        "order",
        holds,
        f"{edges} kept",
        f"{counts.edges} on record, {counts.disordered} broken",
        sentence,
        counts.examples.get("order", ()),
    )


def _failures(counts: AuditCounts, *, is_whole: bool) -> Check:
    sentence = f"{counts.planned_failed:,} tasks were to fail, and {counts.failed:,} did"
    if counts.wrongly_failed:
        sentence += f"; {counts.wrongly_failed:,} of those were not to"
    if counts.wrongly_completed:
        sentence += (
            f"; {counts.wrongly_completed:,} tasks completed that were to fail or be cancelled"
        )
    return Check(
        "failures",
        counts.wrongly_ended == 0,
        counts.planned_failed if is_whole else f"at most {counts.planned_failed}",
        counts.failed,
        sentence + ".",
        counts.examples.get("failures", ()),
    )


def _cancellations(counts: AuditCounts) -> Check:
    sentence = (
        f"{counts.planned_cancelled:,} tasks were to be cancelled with a failed parent, and "
        f"{counts.cancelled:,} were"
    )
    if counts.wrongly_cancelled:
        sentence += f"; {counts.wrongly_cancelled:,} of those were not to"
    return Check(
        "cancellations",
        counts.wrongly_cancelled == 0 and counts.cancelled == counts.planned_cancelled,
        counts.planned_cancelled,
        counts.cancelled,
        sentence + ".",
        counts.examples.get("cancellations", ()),
    )
