"""Runs the scenarios on all systems in turns, so that other load on the machine affects all of
them."""

import os
import platform
import statistics
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Any

from benchmarks.report import Run
from benchmarks.scenarios import Figures, Scenario, Sizes
from benchmarks.servers import Servers
from benchmarks.systems import System

Say = Callable[[str], None]


def count_steps(scenarios: Sequence[Scenario], systems: Sequence[System], sizes: Sizes) -> int:
    """How many measurements a run makes."""
    return sum(
        len(_of(each, systems)) * _repeats(each, sizes) * (1 + _stages(each, sizes))
        for each in scenarios
    )


def run(
    servers: Servers,
    scenarios: Sequence[Scenario],
    systems: Sequence[System],
    sizes: Sizes,
    say: Say,
) -> Run:
    """Measure; `say` reports each start. Errors of a scenario propagate."""
    facts = _facts(servers, sizes)
    for system in systems:
        system.prepare()
    repeats: dict[str, dict[str, list[Figures]]] = {}
    for scenario in scenarios:
        measured = repeats.setdefault(scenario.name, {})
        repeats_of_it = _repeats(scenario, sizes)
        for number in range(repeats_of_it):
            for system in _of(scenario, systems):
                say(f"{scenario.title}: {system.title} ({number + 1} of {repeats_of_it})")
                progress = [say] if scenario.stages else []
                figures = scenario.run(system, sizes, *progress)
                measured.setdefault(system.key, []).append(figures)
    facts["load_after"] = os.getloadavg()[0]
    return Run(facts, repeats, _medians(repeats))


def _repeats(scenario: Scenario, sizes: Sizes) -> int:
    return 1 if scenario.is_once else sizes.repeats


def _stages(scenario: Scenario, sizes: Sizes) -> int:
    return scenario.stages(sizes) if scenario.stages else 0


def _of(scenario: Scenario, systems: Sequence[System]) -> list[System]:
    return [system for system in systems if isinstance(system, scenario.systems)]


def _medians(repeats: dict[str, dict[str, list[Figures]]]) -> dict[str, dict[str, Figures]]:
    return {
        scenario: {
            system: {name: statistics.median(f[name] for f in figures) for name in figures[0]}
            for system, figures in by_system.items()
        }
        for scenario, by_system in repeats.items()
    }


def _facts(servers: Servers, sizes: Sizes) -> dict[str, Any]:
    return {
        "cores": os.cpu_count(),
        "load_before": os.getloadavg()[0],
        "machine": platform.machine(),
        "python": platform.python_version(),
        "celery": version("celery"),
        "django_celery_results": version("django-celery-results"),
        "repeats": sizes.repeats,
        **servers.facts(),
    }
