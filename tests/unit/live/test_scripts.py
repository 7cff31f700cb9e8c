"""The pure parts of the browser's modules, by Node's own test runner."""

import json
import os
import random
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from controlplane.core import formatting
from controlplane.core.admin.shapes import SHAPES
from controlplane.live.changes import find_change

TESTS = Path(__file__).parent / "js"
NOW = datetime(2026, 11, 28, 3, 0, tzinfo=UTC)


def make_value(chance: random.Random, depth: int = 3) -> Any:
    kind = chance.randrange(8 if depth else 5)
    if kind < 5:
        return [None, True, chance.randrange(3), 1.5, "é~/"][kind]
    if kind == 5:
        return [make_value(chance, depth - 1) for _ in range(chance.randrange(3))]
    return make_object(chance, depth - 1)


def make_object(chance: random.Random, depth: int = 3) -> dict[str, Any]:
    keys = ["", "a", "b", "a/b", "~1", "rows", "__proto__", "constructor"]
    return {key: make_value(chance, depth) for key in chance.sample(keys, chance.randrange(5))}


def make_changes() -> list[dict[str, Any]]:
    chance = random.Random(7)
    pairs = [(make_object(chance), make_object(chance)) for _ in range(300)]
    return [
        {"old": old, "change": find_change(old, new).to_json(), "expected": new}
        for old, new in pairs
    ]


def make_formats() -> dict[str, list[tuple[list[Any], str]]]:
    numbers = [None, 0, 7, -1234, 1_234_567, 0.1256, 12.5, 99.9996, 123.4, 1e6 + 0.2, True, "x"]
    numbers += [0.0625, 2.0005, 100.5, 101.5, -2.5]  # halves are rounded upwards
    large = [None, 0, 7, 12.5, True, 99_999, 100_000, 128_412, -128_412, 999_499, 999_500,
             1_250_000, 12_500_000, 3e9, 10**15]  # fmt: skip
    shares = [None, 0, 0.0004, 0.001, 0.0049, 0.07, 0.1225, 0.2463, 0.37, 0.95, 0.9951, 0.9999, 1,
              1.5, 1.2345]  # fmt: skip
    seconds = [None, -1, 0, 0.04, 0.0405, 0.99949, 0.9996, 1, 2.25, 2.54, 9.94, 9.96, 30, 30.004,
               59.4, 59.6, 59.94, 59.96, 90.5, 185, 200, 3600, 7500, 86_400, 273_600]  # fmt: skip
    sizes = [None, 0, 512, 1023, 1024, 3_500, 10_240, 2_304, 220_000_000, 5_000_000_000_000]
    ages = [-0.5, -30, -61, -7_300, -86_399, -86_400, -100_000, -200_000, 0.5, 42, 10_800, 259_200]
    moments = [NOW + timedelta(seconds=age) for age in ages]
    return {
        "formatNumber": [([each], formatting.format_number(each)) for each in numbers],
        "formatWhole": [([each], formatting.format_whole(each)) for each in (None, 0, 71.5, 1e6)],
        "formatCompact": [([each], formatting.format_compact(each)) for each in large],
        "formatPercent": [([each], formatting.format_percent(each)) for each in shares],
        "formatDuration": [([each], formatting.format_duration(each)) for each in seconds],
        "formatSize": [([each], formatting.format_size(each)) for each in sizes],
        "formatTime": [
            ([each.timestamp() * 1000], formatting.format_time(each)) for each in moments
        ],
        "formatRelative": [
            (
                [each.timestamp() * 1000, NOW.timestamp() * 1000],
                formatting.format_relative(each, NOW),
            )
            for each in moments
        ],
    }


def test_the_modules_do_what_the_server_does(tmp_path: Path) -> None:
    node = shutil.which("node")
    assert node, "Node is missing: install it to test the browser's modules"
    cases = tmp_path / "cases.json"
    shapes = {state: [shape.name, shape.tone] for state, shape in SHAPES.items()}
    found = {"changes": make_changes(), "formats": make_formats(), "shapes": shapes}
    cases.write_text(json.dumps(found))

    done = subprocess.run(
        [node, "--test", *map(str, sorted(TESTS.glob("*.test.mjs")))],
        env={**os.environ, "LIVE_CASES": str(cases)},
        capture_output=True,
        text=True,
        timeout=120,
    )

    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "# pass" in done.stdout
