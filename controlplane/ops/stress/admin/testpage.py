"""The content of the page of a stress test."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.template.loader import render_to_string
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from controlplane.core.admin.display import Section, Summary, Table, badge, link, sparkline
from controlplane.core.formatting import EMPTY, format_duration, format_number, format_time
from controlplane.core.schema import represent
from controlplane.core.templatetags.charts import describe_table
from controlplane.ops.stress.models import StressTest
from controlplane.ops.stress.report import FIGURES, list_figures
from controlplane.ops.stress.schema import StressTestDetail
from controlplane.ops.stress.states import StressState

_STATES = {
    StressState.PREPARING: "Accepted. It starts when a dispatcher runs.",
    StressState.RUNNING: "Tasks are being submitted.",
    StressState.SETTLING: "All tasks are submitted; some have not ended yet.",
    StressState.STOPPING: "Stopping: waiting tasks are cancelled, running tasks are asked to stop.",
    StressState.CHECKING: "Every task is being checked for the verdict.",
}
_WORKERS = {
    "workersAtBegin": "Workers at the start",
    "workersAtPeak": "Peak workers",
    "workersAtEnd": "Workers at the end",
    "secondsToDecision": "First decision to scale up after (s)",
    "secondsToFirstWorker": "First new worker after (s)",
    "secondsToPeak": "Peak workers after (s)",
}
_LINES = {
    "waiting": "Waiting tasks, sampled: peak {peak}",
    "running": "Tasks in flight: peak {peak}",
    "ended": "Ended tasks: {peak}",
    "workers": "Workers, sampled: peak {peak}",
}
_COLUMNS = {"waiting": "Waiting", "running": "In flight", "ended": "Ended", "workers": "Workers"}
_PEAKS = {"waiting": "peakBacklog", "running": "peakInFlight"}


def show_state(test: StressTest) -> str:
    verdict = f": {test.get_verdict_display().lower()}" if test.verdict else ""
    return badge(test.verdict or test.state, f"{test.get_state_display()}{verdict}")


def describe_test(test: StressTest) -> dict[str, Any]:
    """The summary and, after the end, the sections of the report."""
    return {"summary": _summary(test), "sections": _sections(test.report) if test.report else []}


def compare_table(comparison: Mapping[str, Any]) -> Table:
    warnings = comparison["warnings"]
    tests = [
        format_html("{} ({})", link("stress_stresstest", test["id"], test["name"]), test["verdict"])
        for test in comparison["tests"]
    ]
    return Table(
        "Figures",
        ["Figure", *tests, "Ratio", "Change"],
        [
            [
                _name(row["name"]),
                format_number(row["value"]),
                format_number(row["other"]),
                EMPTY if row["ratio"] is None else f"{row['ratio']:.2f}",
                badge(row["change"]),
            ]
            for row in comparison["figures"]
        ],
        note=f"Different parameters: {' '.join(warnings)}" if warnings else "",
        numbers=frozenset({*tests, "Ratio"}),
    )


def _name(name: str) -> str:
    """A figure with its unit: `Wait (ms), p95` for `waitMs p95` or `waitMs.p95`."""
    first, _, part = name.replace(".", " ").partition(" ")
    text = FIGURES.get(first, first)
    return f"{text}, {part}" if part else text


def _summary(test: StressTest) -> Summary:
    progress: Any = represent(StressTestDetail, test, None)["progress"]
    figures = [
        ("Submitted", test.submitted),
        ("Completed", test.completed),
        ("Failed", test.failed),
        ("Cancelled", test.cancelled),
        ("Waiting", test.waiting),
        ("In flight", test.running),
        ("Peak in flight" if test.report else "Peak in flight, sampled", test.peak_running),
        ("Ending per second", progress["endingPerSecond"]),
        ("Wait p95 (ms)", (progress["waitMs"] or {}).get("p95")),
    ]
    shown = [(name, format_number(value)) for name, value in figures if value is not None]
    if progress["etaSeconds"]:
        shown.append(("Time left", format_duration(progress["etaSeconds"])))
    report = test.report
    return Summary(
        badge=show_state(test),
        percent=progress["percent"],
        lead=str(report["sentence"]) if report else _STATES[StressState(test.state)],
        figures=shown,
    )


def _sections(report: Mapping[str, Any]) -> list[Any]:
    figures = report.get("figures", {})
    sections: list[Any] = [_checks(report.get("checks", []))]
    trends = _trends(report.get("series", []), figures)
    if trends:
        sections.append(Section("Timeline", trends))
    named = [(_name(name), format_number(value)) for name, value in list_figures(figures)]
    sections.append(Table("Figures", [], named))
    scaling = report.get("scaling", {})
    workers = [
        (text, format_number(scaling[name]))
        for name, text in _WORKERS.items()
        if scaling.get(name) is not None
    ]
    if workers:
        sections += [Table("Scaling", [], workers), _events(scaling)]
    return sections


def _checks(checks: Sequence[Mapping[str, Any]]) -> Table:
    return Table(
        "Verdict",
        ["Check", "Result", "Expected", "Found", "Explanation"],
        [
            [
                check["name"],
                badge("PASSED" if check["passed"] else "FAILED"),
                format_number(check["expected"]),
                format_number(check["found"]),
                format_html(
                    "{}{}",
                    check["sentence"],
                    format_html_join(
                        "",
                        " {}",
                        ((link("tasks_app_task", t, t),) for t in check.get("taskIds", [])),
                    ),
                ),
            ]
            for check in checks
        ],
        empty="Nothing could be checked.",
        numbers=frozenset({"Expected", "Found"}),
    )


def _events(scaling: Mapping[str, Any]) -> Table:
    return Table(
        "Scaling decisions",
        ["Time", "State", "Decision"],
        [
            [link("scaling_scalingevent", each["id"], each["at"]), each["status"], each["sentence"]]
            for each in scaling.get("events", [])
        ],
        empty="The number of workers did not change.",
        note="There were more decisions." if scaling.get("hasMoreEvents") else "",
    )


def _trends(series: Sequence[Mapping[str, Any]], figures: Mapping[str, Any]) -> str:
    """A chart of each series. Peaks come from the figures, since samples may miss them."""
    charts = []
    for name, text in _LINES.items():
        points = [(_seconds(point["at"]), float(point[name])) for point in series]
        if len(points) > 1:
            peak = max(value for _, value in points)
            if (exact := figures.get(_PEAKS.get(name, ""))) is not None:
                peak = max(peak, exact)
            label = text.format(peak=f"{peak:,.0f}")
            charts.append((sparkline(points, label=label), label))
    if not charts:
        return ""
    figure = "<figure>{}<figcaption>{}</figcaption></figure>"
    return format_html(
        '<div class="trends-box chart-panel">{}<div class="trends">{}</div></div>',
        _trend_table(series),
        format_html_join("", figure, charts),
    )


def _trend_table(series: Sequence[Mapping[str, Any]]) -> SafeString:
    rows = [
        [
            format_time(datetime.fromisoformat(point["at"])),
            *(format_number(point[name]) for name in _COLUMNS),
        ]
        for point in series
    ]
    table = describe_table("Timeline", ["Time", *_COLUMNS.values()], rows)
    return render_to_string("dashboard/chart_table.html", table)


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
