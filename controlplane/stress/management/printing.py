"""Stress tests and their reports for people at a terminal."""

from collections.abc import Mapping, Sequence
from typing import Any

from controlplane.core.console import (
    Console,
    Group,
    ProgressBar,
    RenderableType,
    Table,
    styled,
)
from controlplane.stress.report import list_figures

_MARKS = {True: ("holds", "green"), False: ("fails", "red")}
_CHANGES = {"better": "green", "worse": "red", "alike": "dim", "unknown": "dim"}


def print_tests(console: Console, tests: Sequence[Mapping[str, Any]]) -> None:
    """One line each."""
    table = _table("id", "name", "status", "verdict", "tasks", "ended", "by", "created")
    for test in tests:
        ended = test["completed"] + test["failed"] + test["cancelled"]
        table.add_row(
            str(test["id"]),
            test["name"],
            test["status"],
            test["verdict"] or "",
            f"{test['parameters']['tasks']:,}",
            f"{ended:,}",
            test["createdBy"],
            test["createdAt"],
        )
    console.print(table if tests else "There is no stress test yet.")


def print_test(console: Console, test: Mapping[str, Any]) -> None:
    """How it stands, and its report when it has one."""
    console.print(
        f"stress test {test['id']}: {test['name']}, {test['status']}, "
        f"seed {test['parameters']['seed']}",
    )
    console.print(draw_progress(test))
    report = test["report"]
    if report is None:
        return
    checks = Table("check", "", "expected", "found", "what it says")
    for check in report["checks"]:
        checks.add_row(
            check["name"],
            styled(*_MARKS[check["passed"]]),
            _told(check["expected"]),
            _told(check["found"]),
            " ".join([check["sentence"], *check["taskIds"]]),
        )
    console.print(checks)
    _print_figures(console, report["figures"])
    _print_scaling(console, report["scaling"])
    console.print(report["sentence"], style=_style(test["verdict"]))


def print_comparison(console: Console, found: Mapping[str, Any]) -> None:
    """Two tests side by side."""
    one, other = found["tests"]
    table = Table("figure", one["name"], other["name"], "ratio", "")
    for figure in found["figures"]:
        change = figure["change"]
        table.add_row(
            figure["name"],
            _told(figure["value"]),
            _told(figure["other"]),
            "" if figure["ratio"] is None else f"{figure['ratio']:.2f}",
            styled(change, _CHANGES[change]),
        )
    console.print(table)
    console.print(f"{one['verdict']} and {other['verdict']}")
    for warning in found["warnings"]:
        console.print(f"Not the same: {warning}", style="yellow")


def draw_progress(test: Mapping[str, Any]) -> RenderableType:
    """A bar, and the counts below it."""
    progress = test["progress"]
    table = Table(show_header=False, box=None)
    table.add_row(
        f"{test['status']} {progress['percent']:g} %",
        f"submitted {progress['submitted']:,} of {test['parameters']['tasks']:,}",
        f"completed {progress['completed']:,}",
        f"failed {progress['failed']:,}",
        f"cancelled {progress['cancelled']:,}",
    )
    waits = progress["waitMs"]
    table.add_row(
        _rate(progress["endingPerSecond"]),
        f"waiting {progress['waiting']:,}",
        f"running {progress['running']:,} (peak seen {progress['peakInFlight']:,})",
        f"wait p95 {_told(waits['p95'])} ms",
        f"ETA {_told(progress['etaSeconds'])} s" if progress["etaSeconds"] else "",
    )
    bar = Table.grid()  # for the end of its line
    bar.add_row(ProgressBar(total=100, completed=progress["percent"], width=60))
    return Group(bar, table)


def _print_figures(console: Console, figures: Mapping[str, Any]) -> None:
    table = Table("figure", "value")
    for name, value in list_figures(figures):
        table.add_row(name, _told(value))
    if figures:
        console.print(table)


def _print_scaling(console: Console, scaling: Mapping[str, Any]) -> None:
    if not scaling:
        return
    console.print(
        f"workers: {_told(scaling['workersAtBegin'])} at the beginning, "
        f"{_told(scaling['workersAtPeak'])} at most, {_told(scaling['workersAtEnd'])} at the end; "
        f"{len(scaling['events'])} scaling events"
    )
    for event in scaling["events"]:
        console.print(f"  {event['at']} {event['status']}: {event['sentence']}")


def _rate(value: float | None) -> str:
    return "" if value is None else f"{value:,.1f} ends/s"


def _style(verdict: str) -> str:
    return "bold green" if verdict == "PASSED" else "bold red"


def _told(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:,.3f}".rstrip("0").rstrip(".")
    return f"{value:,}" if isinstance(value, int) else str(value)


def _table(*columns: str) -> Table:
    table = Table(*columns)
    table.columns[0].no_wrap = True  # for copying
    table.columns[0].min_width = 36
    return table
