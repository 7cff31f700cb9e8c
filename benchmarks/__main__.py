"""Command line of the benchmarks: `python -m benchmarks` or scripts/bench."""

import argparse
import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks import report, runner, servers
from benchmarks.at_scale import ON_REQUEST
from benchmarks.processes import ChildError
from benchmarks.scenarios import SCENARIOS, SIZES, Scenario
from benchmarks.systems import CeleryBare, CeleryResults, Express, System, Taskplane
from benchmarks.systems.base import RecordError
from controlplane.embedded import EmbeddedError

EXIT_FAILED = 1
EXIT_UNUSABLE = 2
_SYSTEMS = ("taskplane", "bare", "results", "results-keep")
_ON_REQUEST = ("express",)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/bench",
        description="Measures Taskplane beside Celery, and Celery with django-celery-results, in "
        "one run on the same embedded Postgres (durable) and Valkey. About ten minutes; with "
        "--quick about three.",
        epilog="Exit codes: 0 measured, 1 a system failed or its record was wrong, 2 it could not "
        "start. The output and the JSON show whether the aims were met.",
    )
    usual = ", ".join(scenario.name for scenario in SCENARIOS)
    named = ", ".join(scenario.name for scenario in ON_REQUEST)
    parser.add_argument(
        "--quick", action="store_true", help="fewer tasks, one repeat instead of three"
    )
    parser.add_argument(
        "--only",
        action="append",
        choices=[scenario.name for scenario in (*SCENARIOS, *ON_REQUEST)],
        metavar="SCENARIO",
        help=f"{usual}: all of these by default; {named} (of Taskplane alone, and longer) when "
        "named; may be repeated",
    )
    parser.add_argument(
        "--systems",
        action="append",
        choices=(*_SYSTEMS, *_ON_REQUEST),
        metavar="SYSTEM",
        help=f"{', '.join(_SYSTEMS)}; all of these by default; express (Express, one row and "
        "BullMQ behind HTTP; installs npm packages) when named; may be repeated, as --only may",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure there")
    parser.add_argument("--size", choices=list(SIZES), help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def _systems(at: servers.Servers, wanted: Sequence[str] | None) -> list[System]:
    every: list[System] = [
        Taskplane(at),
        CeleryBare(at),
        CeleryResults(at, "default"),
        CeleryResults(at, "keep"),
        Express(at),
    ]
    return [system for system in every if system.key in (wanted or _SYSTEMS)]


def _scenarios(wanted: Sequence[str] | None) -> list[Scenario]:
    if not wanted:
        return list(SCENARIOS)
    return [scenario for scenario in (*SCENARIOS, *ON_REQUEST) if scenario.name in wanted]


def _measure(options: argparse.Namespace, errors: Console) -> tuple[report.Run, list[System]]:
    sizes = SIZES[options.size or ("quick" if options.quick else "full")]
    scenarios = _scenarios(options.only)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with (
        Progress(*columns, TimeElapsedColumn(), console=errors) as progress,
        servers.running() as at,
    ):
        systems = [
            system
            for system in _systems(at, options.systems)
            if any(isinstance(system, scenario.systems) for scenario in scenarios)
        ]
        steps = runner.count_steps(scenarios, systems, sizes)
        bar = progress.add_task("Preparing", total=steps + 1)

        def note(text: str, advance: int = 0) -> None:
            progress.update(bar, advance=advance, description=text)
            if not errors.is_terminal:
                errors.print(text)

        def say(text: str) -> None:
            note(text, 1)

        result = runner.run(at, scenarios, systems, sizes, say, note)
        progress.update(bar, completed=steps + 1, description="Measured")
        return result, systems


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmarks. Returns the exit code."""
    options = _options(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    errors = Console(stderr=True)
    try:
        result, systems = _measure(options, errors)
    except KeyboardInterrupt:
        errors.print("bench: stopped.")
        return 130
    except EmbeddedError as error:
        errors.print(f"bench: {error}")
        return EXIT_UNUSABLE
    except (ChildError, RecordError, TimeoutError) as error:
        errors.print(f"bench: {error}", markup=False)
        return EXIT_FAILED
    wide = None if sys.stdout.isatty() else 140
    report.show(result, _scenarios(options.only), systems, Console(width=wide))
    if options.json:
        # The script changes the directory; the path of the file is relative to the caller.
        path = Path(os.environ.get("BENCH_CALLER_DIR", "."), options.json)
        path.write_text(json.dumps(report.as_json(result), indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
