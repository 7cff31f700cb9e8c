"""Stress tests and their reports for people at a terminal."""

from collections.abc import Mapping
from typing import Any

from controlplane.core.console.tables import (
    Columns,
    Console,
    Group,
    ProgressBar,
    RenderableType,
    Table,
    columns_of,
    list_view,
    styled,
    table_of,
)
from controlplane.core.formatting import format_number
from controlplane.ops.stress.report import list_figures

_RESULTS = {True: ("holds", "green"), False: ("fails", "red")}
_CHANGES = {"better": "green", "worse": "red", "alike": "dim", "unknown": "dim"}


def show_test(console: Console, test: Mapping[str, Any]) -> None:
    """The progress, and the report if there is one."""
    console.write(
        f"stress test {test['id']}: {test['name']}, {test['status']}, "
        f"seed {test['parameters']['seed']}"
    )
    console.print(draw_progress(test))
    report = test["report"]
    if report is None:
        return
    console.print(table_of(_CHECKS, report["checks"]))
    figures = list_figures(report["figures"])
    if figures:
        columns = {"figure": lambda row: row[0], "value": lambda row: format_number(row[1])}
        console.print(table_of(columns, figures))
    _print_scaling(console, report["scaling"])
    console.print(report["sentence"], style="bold green" if _has_passed(test) else "bold red")


def show_comparison(console: Console, comparison: Mapping[str, Any]) -> None:
    """Two tests side by side."""
    one, other = comparison["tests"]
    table = Table("figure", one["name"], other["name"], "ratio", "")
    for figure in comparison["figures"]:
        table.add_row(
            figure["name"],
            format_number(figure["value"]),
            format_number(figure["other"]),
            "" if figure["ratio"] is None else f"{figure['ratio']:.2f}",
            styled(figure["change"], _CHANGES[figure["change"]]),
        )
    console.print(table)
    console.write(f"{one['verdict']} and {other['verdict']}")
    for warning in comparison["warnings"]:
        console.print(f"Not the same: {warning}", style="yellow", soft_wrap=True)


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
    rate, eta = progress["endingPerSecond"], progress["etaSeconds"]
    table.add_row(
        "" if rate is None else f"{rate:,.1f} ends/s",
        f"waiting {progress['waiting']:,}",
        f"running {progress['running']:,} (peak seen {progress['peakInFlight']:,})",
        f"wait p95 {format_number(progress['waitMs']['p95'])} ms",
        f"ETA {format_number(eta)} s" if eta else "",
    )
    bar = Table.grid()  # for the end of its line
    bar.add_row(ProgressBar(total=100, completed=progress["percent"], width=60))
    return Group(bar, table)


def _print_scaling(console: Console, scaling: Mapping[str, Any]) -> None:
    if not scaling:
        return
    at_begin, at_peak, at_end = (
        format_number(scaling[name]) for name in ("workersAtBegin", "workersAtPeak", "workersAtEnd")
    )
    console.write(
        f"workers: {at_begin} at the beginning, {at_peak} at most, {at_end} at the end; "
        f"{len(scaling['events'])} scaling events"
    )
    for event in scaling["events"]:
        console.write(f"  {event['at']} {event['status']}: {event['sentence']}")


def _has_passed(test: Mapping[str, Any]) -> bool:
    return bool(test["verdict"] == "PASSED")


def _count_ended(test: Mapping[str, Any]) -> str:
    return f"{test['completed'] + test['failed'] + test['cancelled']:,}"


_CHECKS: Columns = {
    "check": "name",
    "": lambda check: styled(*_RESULTS[check["passed"]]),
    "expected": lambda check: format_number(check["expected"]),
    "found": lambda check: format_number(check["found"]),
    "explanation": lambda check: " ".join([check["sentence"], *check["taskIds"]]),
}
show_tests = list_view(
    {
        **columns_of("id", "name", "status"),
        "verdict": lambda test: test["verdict"] or "",
        "tasks": lambda test: f"{test['parameters']['tasks']:,}",
        "ended": _count_ended,
        **columns_of("createdBy", "createdAt"),
    },
    empty="There is no stress test yet.",
)
