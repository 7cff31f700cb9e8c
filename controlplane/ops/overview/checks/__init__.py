"""What is wrong now, in sentences. Pure functions over facts: each check looks at its subjects, and
returns what it found with how many it looked at."""

from collections.abc import Callable

from controlplane.ops.overview.checks import engine, queues, work
from controlplane.ops.overview.checks.finding import Evidence, Finding, Harm, Link, Report
from controlplane.ops.overview.facts import Facts

__all__ = ["CHECKS", "Evidence", "Finding", "Harm", "Link", "Report", "order", "run_checks"]

Check = Callable[[Facts], tuple[list[Finding], int]]
CHECKS: tuple[Check, ...] = (
    engine.check_dispatcher,
    engine.check_workers,
    engine.check_autoscaler,
    engine.check_overdue_schedules,
    engine.check_overdue_tasks,
    engine.check_figures,
    engine.check_fleet,
    engine.check_lost_nodes,
    queues.check_queues,
    queues.check_paused_queues,
    work.check_types,
    work.check_letters,
    work.check_schedules,
)


def run_checks(facts: Facts) -> Report:
    """All checks, what does most harm first, then what began first."""
    found: list[Finding] = []
    checked = 0
    for check in CHECKS:
        findings, subjects = check(facts)
        found += findings
        checked += subjects
    return Report(order(found), checked)


def order(findings: list[Finding]) -> list[Finding]:
    """By harm, then by start; what has no known start comes before what has, and a sentence that
    counts others after those."""
    return sorted(
        findings,
        key=lambda found: (
            found.harm,
            bool(found.keys),
            0.0 if found.since is None else found.since.timestamp(),
            found.key,
        ),
    )
