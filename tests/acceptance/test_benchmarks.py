"""Each scenario of the benchmarks runs, at a size whose figures mean nothing."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.scenarios import SCENARIOS

pytestmark = pytest.mark.acceptance
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
        timeout=240,
    )
    assert result.returncode == 0, result.stderr[-4000:]
    return json.loads(file.read_text()), result.stdout


def test_every_scenario_measures_taskplane_and_checks_its_record(tmp_path: Path) -> None:
    names = [scenario.name for scenario in SCENARIOS if scenario.name != "drain"]  # see below
    only = [word for name in names for word in ("--only", name)]
    figures, printed = bench(tmp_path, "--systems", "taskplane", *only)

    assert set(figures["medians"]) == set(names)
    for scenario, by_system in figures["medians"].items():
        assert all(value > 0 for value in by_system["taskplane"].values()), scenario
    assert figures["facts"]["fsync"] == figures["facts"]["synchronous_commit"] == "on"
    assert "POST /tasks" in printed


def test_the_peers_run_beside_it_and_are_compared(tmp_path: Path) -> None:
    figures, printed = bench(tmp_path, "--only", "drain")

    assert set(figures["medians"]["drain"]) == {"taskplane", "bare", "results", "results-keep"}
    assert [verdict["aim"] for verdict in figures["aims"]] == [
        "No-op drain beside Celery",
        "No-op drain beside Celery + results",
    ]
    assert "Celery + results" in printed
