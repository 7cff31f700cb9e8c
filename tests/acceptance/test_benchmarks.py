"""Each scenario of the benchmarks runs, at a size whose figures mean nothing."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.at_scale import ON_REQUEST
from benchmarks.scenarios import SCENARIOS

ROOT = Path(__file__).resolve().parent.parent.parent


def bench(folder: Path, *arguments: str) -> tuple[dict[str, Any], str]:
    """The JSON of a tiny run, and what it printed."""
    file = folder / "bench.json"
    result = subprocess.run(
        [
            *(sys.executable, str(ROOT / "manage.py"), "bench"),
            *("--size", "tiny", "--json", str(file), *arguments),
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=480,
    )
    assert result.returncode == 0, result.stderr[-4000:]
    return json.loads(file.read_text()), result.stdout


@pytest.mark.nightly
def test_every_scenario_measures_taskplane(tmp_path: Path) -> None:
    """Also those in which it has no peer."""
    figures, printed = bench(tmp_path, "--systems", "taskplane")

    assert set(figures["medians"]) == {scenario.name for scenario in SCENARIOS}
    assert figures["medians"]["http"]["taskplane"]["cpu_ms"] > 0
    assert "GET /tasks?limit=20" in printed


@pytest.mark.nightly
def test_the_scenarios_about_size_measure_taskplane(tmp_path: Path) -> None:
    only = [word for scenario in ON_REQUEST for word in ("--only", scenario.name)]
    figures, printed = bench(tmp_path, *only)

    assert set(figures["medians"]) == {scenario.name for scenario in ON_REQUEST}
    measured = figures["medians"]["scale"]["taskplane"]
    assert all(value > 0 for value in measured.values()), measured
    history = figures["medians"]["history"]["taskplane"]
    assert history["large|task|rows"] > history["small|task|rows"]
    pages = figures["medians"]["pages"]["taskplane"]
    assert pages["Tasks by status|statements"] > 0
    assert pages["Overview|p50_ms"] > 0
    assert "One worker by slots" in printed
    assert "The slowest page's first byte" in printed
    assert "claim of 300, by priority" in printed


@pytest.mark.nightly
def test_systems_are_measured_beside_each_other(tmp_path: Path) -> None:
    """Two systems and one scenario; `scripts/bench --size tiny` runs them all."""
    only = ("--only", "drain")
    figures, printed = bench(tmp_path, "--systems", "taskplane", "--systems", "bare", *only)

    assert set(figures["medians"]) == {"drain"}
    for scenario, by_system in figures["medians"].items():
        for system in ("taskplane", "bare"):
            assert all(value > 0 for value in by_system[system].values()), (scenario, system)
    assert figures["facts"]["fsync"] == figures["facts"]["synchronous_commit"] == "on"
    assert "No-op drain beside Celery" in [verdict["aim"] for verdict in figures["aims"]]
    assert "No-op drain" in printed
