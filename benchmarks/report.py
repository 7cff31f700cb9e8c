"""One table for people, one JSON object for programs, and whether the aims were reached."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.scenarios import Figures, Scenario
from benchmarks.systems import System

# Figures by scenario, then by system: medians over the repeats.
Medians = Mapping[str, Mapping[str, Figures]]


@dataclass(frozen=True)
class Run:
    """The measurements: every repeat, the medians, and the machine."""

    facts: dict[str, Any]
    repeats: dict[str, dict[str, list[Figures]]]
    medians: Medians = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Row:
    title: str
    scenario: str
    figures: tuple[str, ...]
    unit: str


_ROWS = (
    _Row("No-op drain", "drain", ("per_second",), "tasks/s"),
    _Row("Single submit in Python", "single", ("per_second",), "/s"),
    _Row("Bulk submit in Python", "bulk", ("per_second",), "/s"),
    _Row("POST /tasks, 16 connections", "http", ("per_second",), "/s"),
    _Row("  p50 / p99", "http", ("p50_ms", "p99_ms"), "ms"),
    _Row("  CPU of the app a request", "http", ("cpu_ms",), "ms"),
    _Row("GET /tasks?limit=20", "http", ("list_per_second",), "/s"),
    _Row("  CPU of the app a request", "http", ("list_cpu_ms",), "ms"),
    _Row("GET /tasks/{id}", "http", ("show_per_second",), "/s"),
    _Row("  CPU of the app a request", "http", ("show_cpu_ms",), "ms"),
    _Row("Idle: enqueue to start, p50 / p99", "latency", ("p50_ms", "p99_ms"), "ms"),
    _Row("Fresh worker: its first task / slowest of 10", "fresh", ("first_ms", "slowest_ms"), "ms"),
    _Row("Tasks that wait 10 ms", "waits", ("per_second",), "tasks/s"),
    _Row("forEach of 1,000 and its fan-in", "workflows", ("narrow_s",), "s"),
    _Row("forEach of 10,000 and its fan-in", "workflows", ("wide_s",), "s"),
    _Row("  an item of 1,000 / of 10,000", "workflows", ("narrow_item_us", "wide_item_us"), "µs"),
    _Row("Idle worker with 2 slots, PSS", "memory", ("mib",), "MiB"),
    _Row("  and its dispatcher, `worker --dispatch`", "memory", ("both_mib",), "MiB"),
)


def show(
    run: Run, scenarios: Sequence[Scenario], systems: Sequence[System], console: Console
) -> None:
    """Print the table, those of single scenarios, then the aims."""
    if any(row.scenario in run.medians for row in _ROWS):
        console.print(_side_by_side(run, systems))
    for scenario in scenarios:
        if scenario.tables is not None:
            for figures in run.medians.get(scenario.name, {}).values():
                for table in scenario.tables(figures):
                    console.print(table)
                console.print(_machine(run))
    _show_aims(run, console)


def _side_by_side(run: Run, systems: Sequence[System]) -> Table:
    table = Table(title=_title(run), caption=_caption(run), title_justify="left")
    table.add_column("", no_wrap=True)
    for system in systems:
        table.add_column(system.title, justify="right")
    table.add_column("unit")
    for row in _ROWS:
        measured = run.medians.get(row.scenario)
        if measured:
            cells = [_cell(row, measured.get(system.key)) for system in systems]
            table.add_row(row.title, *cells, row.unit)
    return table


def _show_aims(run: Run, console: Console) -> None:
    verdicts = judge(run.medians)
    if not verdicts:
        return
    table = Table(title="Aims", title_justify="left")
    for name in ("", "aim", "measured", ""):
        table.add_column(name, justify="right" if name else "left")
    for verdict in verdicts:
        aim = verdict.aim
        sign = "≥" if aim.at_least else "≤"
        away = abs(verdict.value / aim.limit - 1)
        table.add_row(
            aim.text,
            f"{sign} {aim.limit:,g} {aim.unit}",
            f"{_number(verdict.value)} {aim.unit}",
            "[green]met" if verdict.is_met else f"[red]missed by {away:.0%}",
        )
    console.print(table)


def as_json(run: Run) -> dict[str, Any]:
    """The whole report, including every repeat."""
    return {
        "facts": run.facts,
        "medians": run.medians,
        "repeats": run.repeats,
        "aims": [
            {
                "aim": verdict.aim.text,
                "limit": verdict.aim.limit,
                "unit": verdict.aim.unit,
                "value": verdict.value,
                "met": verdict.is_met,
            }
            for verdict in judge(run.medians)
        ],
    }


def _title(run: Run) -> str:
    times = run.facts["repeats"]
    return f"Side by side, one run, median of {times}" if times > 1 else "Side by side, one run"


def _caption(run: Run) -> str:
    return f"{_machine(run)}, Celery {run.facts['celery']}; every worker with 2 processes"


def _machine(run: Run) -> str:
    facts = run.facts
    return (
        f"{facts['cores']} cores, load {facts['load_before']:.1f} before; Python "
        f"{facts['python']}, Postgres {facts['server_version']} (fsync {facts['fsync']}, "
        f"synchronous_commit {facts['synchronous_commit']}), Valkey {facts['valkey_version']}"
    )


def _cell(row: _Row, figures: Figures | None) -> str:
    if figures is None or not figures.keys() >= set(row.figures):
        return "-"
    return " / ".join(_number(figures[name]) for name in row.figures)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


@dataclass(frozen=True, slots=True)
class Aim:
    """One aim. `value` reads the figure; With `at_least` it must not be below `limit`, otherwise
    not above."""

    text: str
    unit: str
    limit: float
    value: Callable[[Medians], float]
    at_least: bool = True

    def is_met(self, value: float) -> bool:
        """Whether this value is good enough."""
        return value >= self.limit if self.at_least else value <= self.limit


def _ratio(scenario: str, figure: str, peer: str) -> Callable[[Medians], float]:
    def read(medians: Medians) -> float:
        figures = medians[scenario]
        return figures["taskplane"][figure] / figures[peer][figure]

    return read


def _own(scenario: str, figure: str) -> Callable[[Medians], float]:
    return lambda medians: medians[scenario]["taskplane"][figure]


AIMS = (
    Aim("No-op drain", "/s", 27_000, _own("drain", "per_second")),
    Aim("No-op drain beside Celery", "x", 20, _ratio("drain", "per_second", "bare")),
    Aim("No-op drain beside Celery + results", "x", 100, _ratio("drain", "per_second", "results")),
    Aim("Tasks that wait 10 ms", "/s", 6_000, _own("waits", "per_second")),
    Aim("Idle enqueue to start, p50", "ms", 3, _own("latency", "p50_ms"), at_least=False),
    Aim("Idle enqueue to start, p99", "ms", 10, _own("latency", "p99_ms"), at_least=False),
    Aim("First task of a fresh worker", "ms", 50, _own("fresh", "first_ms"), at_least=False),
    Aim("Bulk submit, 1,000 a call", "/s", 25_000, _own("bulk", "per_second")),
    Aim("Single submit", "/s", 2_500, _own("single", "per_second")),
    Aim("Single submit beside Celery's delay()", "x", 1.5, _ratio("single", "per_second", "bare")),
    Aim("POST /tasks", "/s", 1_500, _own("http", "per_second")),
    Aim(
        "POST /tasks beside Express + row + BullMQ", "x", 1, _ratio("http", "per_second", "express")
    ),
    Aim("POST /tasks, CPU of the app", "ms", 0.8, _own("http", "cpu_ms"), at_least=False),
    Aim("GET /tasks?limit=20, CPU", "ms", 3, _own("http", "list_cpu_ms"), at_least=False),
    Aim("GET /tasks/{id}, CPU", "ms", 2, _own("http", "show_cpu_ms"), at_least=False),
    Aim(
        "Idle worker beside Celery + results",
        "x",
        1,
        _ratio("memory", "mib", "results"),
        at_least=False,
    ),
    Aim("Idle worker and dispatcher", "MiB", 166, _own("memory", "both_mib"), at_least=False),
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """An aim beside what was measured."""

    aim: Aim
    value: float
    is_met: bool


def judge(medians: Medians) -> list[Verdict]:
    """The aims that this run measured."""
    verdicts = []
    for aim in AIMS:
        try:
            value = aim.value(medians)
        except KeyError:  # a scenario or a system that was left out
            continue
        verdicts.append(Verdict(aim, value, aim.is_met(value)))
    return verdicts
