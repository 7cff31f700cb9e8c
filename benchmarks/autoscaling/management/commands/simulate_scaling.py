"""`manage.py simulate_scaling`: strategies against traces, before they move real workers."""

from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

from benchmarks.autoscaling.baselines import BASELINES, policies
from benchmarks.autoscaling.lower_bound import lower_bound
from controlplane.core.console.command import ConsoleCommand, Options, Reply
from controlplane.core.console.derived import add_fields
from controlplane.core.console.options import names_of, number, whole_number
from controlplane.core.console.tables import Console, Table
from controlplane.core.formatting import format_count
from scaling.schema import MAX_WORKERS, Configuration, find_errors
from scaling.simulation.runner import STARTUP, Score, Summary, run, summarise
from scaling.simulation.traces import (
    DEFAULT_TRACES,
    SHAPES,
    Trace,
    TraceFileError,
    make_trace,
    read_trace,
)
from scaling.strategies import DEFAULT_STRATEGY, STRATEGIES, Settings

_MAX_SEEDS = 100
# What the strategies play with, of the configuration.
_FIELDS = ("min_workers", "max_workers", "objective_seconds")


class Command(ConsoleCommand):
    """Uses nothing of this installation."""

    help = "Simulate autoscaling strategies with recorded or generated arrivals, and compare them."
    notes = (
        "Each day of arrivals has seven days of history. The tables show the cost of each "
        "strategy and the waits of tasks, for each trace and in total. `ratio` is the cost as a "
        "multiple of "
        "a bound that no schedule without a late task can undercut. No server, database or worker "
        "is needed; docs/scaling.md explains the figures."
    )
    examples = (
        "  manage.py simulate_scaling --seeds 2 --hours 6\n"
        "  manage.py simulate_scaling --strategies predictive,threshold --traces bursty\n"
        "  manage.py simulate_scaling --trace-file monday.csv --json"
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        known = [*STRATEGIES, *BASELINES]
        parser.add_argument(
            "--strategies",
            type=names_of(known),
            default=known,
            metavar="NAMES",
            help=f"comma-separated list of {', '.join(known)} (default: all; the system's own "
            f"default is {DEFAULT_STRATEGY})",
        )
        parser.add_argument(
            "--traces",
            type=names_of(list(SHAPES)),
            default=list(DEFAULT_TRACES),
            metavar="NAMES",
            help=f"comma-separated list of {', '.join(SHAPES)} "
            f"(default {','.join(DEFAULT_TRACES)})",
        )
        parser.add_argument(
            "--seeds",
            type=whole_number(1, _MAX_SEEDS),
            default=5,
            metavar="N",
            help="days of each trace (default %(default)s)",
        )
        parser.add_argument(
            "--first-seed", type=int, default=1, metavar="N", help="seed of the first day"
        )
        parser.add_argument(
            "--trace-file",
            type=Path,
            metavar="FILE",
            help="arrivals to simulate instead: CSV or NDJSON with time and run_time; the last 24 "
            "hours are simulated, earlier rows are history",
        )
        parser.add_argument(
            "--hours", type=number(0, 24, above=True), metavar="H", help="play only these hours"
        )
        self._add_settings(parser)
        self.add_run(parser, self._run)

    def _run(self, options: Options) -> Any:
        settings = self._settings(options)
        names: list[str] = options["strategies"]
        traces = self._traces(options)
        startup = (options["startup"][0], options["startup"][1])
        with self.progress("Playing", total=len(traces) * len(names)) as update:
            scores = list(
                run(
                    traces,
                    partial(policies, names),
                    settings,
                    bound=lower_bound,
                    startup=startup,
                    advance=lambda note: update(advance=1, note=note),
                )
            )
        if not self.is_json:
            _print_scores(self.console(), scores, settings, names)
        return Reply(_as_json(scores, settings, names), ())

    def _add_settings(self, parser: ArgumentParser) -> None:
        add_fields(parser, Configuration, *_FIELDS, aliases={"objective_seconds": "--objective"})
        parser.add_argument(
            "--slots",
            type=whole_number(1, MAX_WORKERS),
            default=1,
            metavar="N",
            help="slots of a worker (default %(default)s)",
        )
        parser.add_argument(
            "--startup",
            type=number(0, 3_600, above=True),
            nargs=2,
            default=STARTUP,
            metavar=("FROM", "TO"),
            help="seconds until a new worker is ready (default 30 60)",
        )

    def _settings(self, options: dict[str, Any]) -> Settings:
        if options["startup"][0] > options["startup"][1]:
            self.usage("--startup: the first number must not be above the second")
        values = {name: options[name] for name in _FIELDS}
        for name, message in find_errors(values):
            self.usage(f"--{name.replace('_', '-')}: {message}")
        return Settings(**values, slots=options["slots"])

    def _traces(self, options: dict[str, Any]) -> list[Callable[[], Trace]]:
        if options["trace_file"] is not None:
            try:
                trace = read_trace(options["trace_file"], hours=options["hours"])
            except (TraceFileError, OSError) as error:
                self.usage(f"--trace-file: {error}")
            return [lambda: trace]
        seconds = (options["hours"] or 24.0) * 3_600
        first = options["first_seed"]
        return [
            partial(make_trace, name, seed, seconds=seconds)
            for name in options["traces"]
            for seed in range(first, first + options["seeds"])
        ]


def _print_scores(
    console: Console, scores: Sequence[Score], settings: Settings, names: Sequence[str]
) -> None:
    by_trace = groupby(scores, key=lambda each: each.trace)
    for trace, scores_of_trace in by_trace:
        days = list(scores_of_trace)
        number_of_days = len({each.seed for each in days})
        table = _table(f"{trace}: {format_count(number_of_days, 'day')}")
        for name in names:
            mine = [each for each in days if each.strategy == name]
            table.add_row(*_cells(mine, summarise(mine, settings.goal)))
        console.print(table)
    if len({each.trace for each in scores}) > 1:
        table = _table("all traces; the ratio is the geometric mean")
        for name in names:
            mine = [each for each in scores if each.strategy == name]
            table.add_row(*_cells(mine, summarise(mine, settings.goal)))
        console.print(table)
    for name in [name for name in names if name in STRATEGIES]:
        mine = [each for each in scores if each.strategy == name]
        console.write(
            f"A decision of {name} took {_mean([e.decision_ms for e in mine]):.2f} ms on average, "
            f"and 99 of 100 at most {max(e.slowest_decision_ms for e in mine):.2f} ms on the "
            "slowest day."
        )


_COLUMNS = (
    "strategy", "met", "worst on time", "ratio", "worker-hours", "p50 s", "p95 s", "p99 s",
    "changes/day", "flaps/day", "cut/day",
)  # fmt: skip


def _table(title: str) -> Table:
    table = Table(title=title, title_justify="left")
    for column in _COLUMNS:
        table.add_column(column, justify="left" if column == "strategy" else "right")
    return table


def _cells(scores: Sequence[Score], summary: Summary) -> list[str]:
    return [
        summary.strategy,
        f"{summary.met}/{summary.days}",
        f"{summary.worst_on_time:.1%}",
        f"{summary.ratio:.2f}",
        f"{_mean([each.worker_hours for each in scores]):.1f}",
        f"{_mean([each.p50 for each in scores]):.1f}",
        f"{summary.p95:.1f}",
        f"{_mean([each.p99 for each in scores]):.1f}",
        f"{summary.changes:.0f}",
        f"{summary.flaps:.0f}",
        f"{summary.cut_tasks:.1f}",
    ]


def _as_json(scores: Sequence[Score], settings: Settings, names: Sequence[str]) -> dict[str, Any]:
    return {
        "settings": settings.to_json(),
        "runs": [
            {**asdict(each), "ratio": each.ratio, "met": each.meets(settings.goal)}
            for each in scores
        ],
        "summary": [
            asdict(summarise([e for e in scores if e.strategy == name], settings.goal))
            for name in names
        ],
    }


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
