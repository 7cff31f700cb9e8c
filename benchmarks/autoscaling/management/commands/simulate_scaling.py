"""`manage.py simulate_scaling`: strategies against traces, before they move real workers."""

from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

from benchmarks.autoscaling.baselines import BASELINES, policies
from benchmarks.autoscaling.lower_bound import lower_bound
from controlplane.core.console import Progress, Table, make_progress
from scaling.schema import DAY_SECONDS, MAX_WORKERS, find_errors
from scaling.simulation.files import TraceFileError, read_trace
from scaling.simulation.runner import STARTUP, run
from scaling.simulation.scoring import Score, Summary, summarise
from scaling.simulation.traces import DEFAULT_TRACES, SHAPES, Trace, make_trace
from scaling.strategies import DEFAULT_STRATEGY, STRATEGIES, Settings
from tasks_app.management.terminal import TerminalCommand

_MOST_SEEDS = 100


class Command(TerminalCommand):
    """Needs no database, no Redis and no workers."""

    # Nothing of this installation is used.
    requires_system_checks = []
    help = (
        "Play autoscaling strategies against a day of arrivals with seven days of history, and "
        "print what each costs and how long tasks wait: per trace and over all. `ratio` is the "
        "cost as a multiple of a bound that no schedule without a late task can undercut. "
        "Needs no server; docs/scaling.md explains the figures."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        known = ", ".join([*STRATEGIES, *BASELINES])
        parser.add_argument(
            "--strategies",
            type=partial(_names, known=[*STRATEGIES, *BASELINES]),
            default=[*STRATEGIES, *BASELINES],
            metavar="NAMES",
            help=f"with commas; default all: {known}. The default of the system: "
            f"{DEFAULT_STRATEGY}",
        )
        parser.add_argument(
            "--traces",
            type=partial(_names, known=list(SHAPES)),
            default=list(DEFAULT_TRACES),
            metavar="NAMES",
            help=f"with commas, of {', '.join(SHAPES)}; default {','.join(DEFAULT_TRACES)}",
        )
        parser.add_argument(
            "--seeds", type=partial(_number, most=_MOST_SEEDS), default=5, help="days per trace"
        )
        parser.add_argument(
            "--first-seed", type=int, default=1, metavar="N", help="the seed of the first day"
        )
        parser.add_argument(
            "--trace-file",
            type=Path,
            metavar="FILE",
            help="arrivals to play instead: CSV or NDJSON with time and run_time; its last "
            "24 hours are played, what comes before is history",
        )
        parser.add_argument(
            "--hours", type=partial(_real, most=24.0), metavar="H", help="play only so much"
        )
        self._add_settings(parser)
        parser.add_argument("--json", action="store_true", help="print JSON")

    def run_command(self, options: dict[str, Any]) -> None:
        settings = self._settings(options)
        names: list[str] = options["strategies"]
        traces = self._traces(options)
        startup = (options["startup"][0], options["startup"][1])
        with self._progress() as progress:
            bar = progress.add_task("Playing", total=len(traces) * len(names), note="")

            def advance(note: str) -> None:
                progress.update(bar, advance=1, note=note)

            scores = list(
                run(
                    traces,
                    partial(policies, names),
                    settings,
                    bound=lower_bound,
                    startup=startup,
                    advance=advance,
                )
            )
        if options["json"]:
            self.write_json(_as_json(scores, settings, names))
        else:
            self._print(scores, settings, names)

    def _add_settings(self, parser: ArgumentParser) -> None:
        workers = partial(_number, most=MAX_WORKERS, least=0)
        default = Settings()
        parser.add_argument("--min-workers", type=workers, default=default.min_workers)
        parser.add_argument("--max-workers", type=workers, default=default.max_workers)
        parser.add_argument(
            "--slots", type=partial(_number, most=MAX_WORKERS), default=1, help="per worker"
        )
        parser.add_argument(
            "--objective",
            type=partial(_real, most=DAY_SECONDS),
            default=default.objective_seconds,
            metavar="SECONDS",
            help="within this 95 %% of the tasks should start; default 60",
        )
        parser.add_argument(
            "--startup",
            type=partial(_real, most=3_600.0),
            nargs=2,
            default=STARTUP,
            metavar=("FROM", "TO"),
            help="seconds until a new worker is ready; default 30 60",
        )

    def _settings(self, options: dict[str, Any]) -> Settings:
        if options["startup"][0] > options["startup"][1]:
            self.usage("--startup: the first number must not be above the second")
        values = {
            "min_workers": options["min_workers"],
            "max_workers": options["max_workers"],
            "objective_seconds": options["objective"],
        }
        for name, message in find_errors(values):
            option = "objective" if name == "objective_seconds" else name.replace("_", "-")
            self.usage(f"--{option}: {message}")
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

    def _progress(self) -> Progress:
        return make_progress(self.console(for_errors=True))

    def _print(self, scores: Sequence[Score], settings: Settings, names: Sequence[str]) -> None:
        by_trace = groupby(scores, key=lambda each: each.trace)
        for trace, of_trace in by_trace:
            days = list(of_trace)
            number = len({each.seed for each in days})
            table = _table(f"{trace}: {number} {'day' if number == 1 else 'days'}")
            for name in names:
                mine = [each for each in days if each.strategy == name]
                table.add_row(*_cells(mine, summarise(mine, settings.goal)))
            self.console().print(table)
        if len({each.trace for each in scores}) > 1:
            table = _table("all traces; the ratio is the geometric mean")
            for name in names:
                mine = [each for each in scores if each.strategy == name]
                table.add_row(*_cells(mine, summarise(mine, settings.goal)))
            self.console().print(table)
        for name in [name for name in names if name in STRATEGIES]:
            mine = [each for each in scores if each.strategy == name]
            self.stdout.write(
                f"A decision of {name} took {_mean([e.decision_ms for e in mine]):.2f} ms on "
                f"average, and 99 of 100 at most "
                f"{max(e.slowest_decision_ms for e in mine):.2f} ms on the slowest day."
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


def _names(text: str, *, known: Sequence[str]) -> list[str]:
    names = list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    strange = [name for name in names if name not in known]
    if strange or not names:
        raise ArgumentTypeError(
            f"{strange[0] if strange else text!r} is not one of {', '.join(known)}"
        )
    return names


def _number(text: str, *, most: int, least: int = 1) -> int:
    if not text.isdecimal() or not least <= int(text) <= most:
        raise ArgumentTypeError(f"{text!r} is not a number from {least} to {most:,}")
    return int(text)


def _real(text: str, *, most: float) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value <= most:
        raise ArgumentTypeError(f"{text!r} is not a number above 0 and up to {most:g}")
    return value
