"""The checks of a report: what was expected, what was found, and a sentence on each. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from controlplane.stress.facts import Facts
from controlplane.stress.states import StressState, Verdict


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must hold."""

    name: str
    passed: bool
    expected: int | str
    found: int | str
    sentence: str
    examples: Sequence[str] = ()  # ids of tasks of which it does not hold

    def to_json(self) -> dict[str, Any]:
        """As a report holds it."""
        return {
            "name": self.name,
            "passed": self.passed,
            "expected": self.expected,
            "found": self.found,
            "sentence": self.sentence,
            "taskIds": list(self.examples),
        }


def judge(facts: Facts, *, submitted: int, edges: int, ends_as: str, reason: str) -> list[Check]:
    """The checks of a test that submitted so many tasks with so many dependencies.

    `ends_as` is its last state; a test that a person stopped may have cancelled anything.
    """
    checks = [
        _accounted(facts, submitted),
        _lost(facts),
        _duplicated(facts),
        _attempts(facts),
        _order(facts, edges),
        _failures(facts, is_whole=ends_as == StressState.DONE),
    ]
    if ends_as == StressState.DONE:
        checks.append(_cancellations(facts))
    if ends_as == StressState.FAILED:
        checks.append(Check("carriedOut", False, "to its end", "given up", reason))
    return checks


def verdict_of(checks: Sequence[Check]) -> Verdict:
    """PASSED when every check holds."""
    return Verdict.PASSED if all(check.passed for check in checks) else Verdict.FAILED


def summarize(checks: Sequence[Check], submitted: int) -> str:
    """The verdict as one sentence."""
    broken = [check for check in checks if not check.passed]
    if not broken:
        return f"Passed: all {len(checks)} checks hold for {submitted:,} tasks."
    return f"Failed: {len(broken)} of {len(checks)} checks do not hold. {broken[0].sentence}"


def _accounted(facts: Facts, submitted: int) -> Check:
    ended = facts.completed + facts.failed + facts.cancelled
    return Check(
        "accounted",
        ended == submitted,
        submitted,
        ended,
        f"Of {submitted:,} submitted tasks {facts.completed:,} completed, {facts.failed:,} failed "
        f"and {facts.cancelled:,} were cancelled: {ended:,}.",
    )


def _lost(facts: Facts) -> Check:
    lost = facts.missing + facts.unended
    said = (
        f"{facts.missing:,} tasks are gone and {facts.unended:,} have not ended."
        if lost
        else "Every submitted task is there, and has ended."
    )
    return Check("lost", lost == 0, 0, lost, said, facts.examples.get("lost", ()))


def _duplicated(facts: Facts) -> Check:
    said = (
        f"{facts.duplicated:,} tasks succeeded twice, went on after a success, or ran twice at "
        "once."
        if facts.duplicated
        else "No task succeeded twice, went on after a success, or ran twice at once."
    )
    return Check(
        "duplicated",
        facts.duplicated == 0,
        0,
        facts.duplicated,
        said,
        facts.examples.get("duplicated", ()),
    )


def _attempts(facts: Facts) -> Check:
    said = (
        f"The tasks were charged {facts.charged:,} attempts, and {facts.attempts:,} are on record"
    )
    said += (
        f"; of {facts.unmatched:,} tasks they differ, or no success is on record."
        if facts.unmatched
        else ", each under its own number."
    )
    return Check(
        "attempts",
        facts.unmatched == 0 and facts.charged == facts.attempts,
        facts.charged,
        facts.attempts,
        said,
        facts.examples.get("attempts", ()),
    )


def _order(facts: Facts, edges: int) -> Check:
    holds = facts.disordered == 0 and facts.edges == edges
    if holds:
        said = (
            f"No task started before those it waits for had ended ({edges:,} dependencies)."
            if edges
            else "No task waits for another."
        )
    elif facts.disordered:
        said = f"{facts.disordered:,} tasks started before one they wait for had ended."
    else:
        said = f"Of {edges:,} dependencies that were submitted {facts.edges:,} are on record."
    return Check(
        "order",
        holds,
        f"{edges} kept",
        f"{facts.edges} on record, {facts.disordered} broken",
        said,
        facts.examples.get("order", ()),
    )


def _failures(facts: Facts, *, is_whole: bool) -> Check:
    wrong = facts.wrongly_failed + facts.wrongly_spared
    said = f"{facts.planned_failed:,} tasks were to fail, and {facts.failed:,} did"
    if facts.wrongly_failed:
        said += f"; {facts.wrongly_failed:,} of those were not to"
    if facts.wrongly_spared:
        said += f"; {facts.wrongly_spared:,} tasks completed that were to fail or be cancelled"
    return Check(
        "failures",
        wrong == 0,
        facts.planned_failed if is_whole else f"at most {facts.planned_failed}",
        facts.failed,
        said + ".",
        facts.examples.get("failures", ()),
    )


def _cancellations(facts: Facts) -> Check:
    said = (
        f"{facts.planned_cancelled:,} tasks were to be cancelled with a failed parent, and "
        f"{facts.cancelled:,} were"
    )
    if facts.wrongly_cancelled:
        said += f"; {facts.wrongly_cancelled:,} of those were not to"
    return Check(
        "cancellations",
        facts.wrongly_cancelled == 0 and facts.cancelled == facts.planned_cancelled,
        facts.planned_cancelled,
        facts.cancelled,
        said + ".",
        facts.examples.get("cancellations", ()),
    )
