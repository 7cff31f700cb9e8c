"""Exports of many tasks to a slow reader: the memory of the app, the first byte, and whether what
was read is right. `scripts/measure-exports` starts a Postgres, a Valkey and an app of its own.
"""

import argparse
import csv
import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import openpyxl
from rich.console import Console
from rich.table import Table

from benchmarks import servers
from benchmarks.exports_fill import NAME, VALUES
from benchmarks.processes import Component, cpu_seconds, run_job, running
from controlplane.embedded import processes

FORMATS = ("csv", "ndjson", "xlsx")
MAX_FIRST_BYTE_SECONDS = 1.0
MAX_GROWTH_MB = 25.0
_START_SECONDS = 60.0
_SAMPLE_SECONDS = 0.5
_MIB = 1 << 20


@dataclass
class Measured:
    """One export."""

    format_name: str
    first_byte: float = 0.0  # seconds
    seconds: float = 0.0
    size: int = 0
    cpu: float = 0.0  # seconds of the app
    rows: int = 0
    memory: list[float] = field(default_factory=list)  # MiB over time
    faults: list[str] = field(default_factory=list)

    @property
    def growth(self) -> float:
        """How far the memory rose above what it was at a tenth of the time."""
        begin = len(self.memory) // 10
        return max(self.memory[begin:]) - self.memory[begin] if self.memory else 0.0

    @property
    def is_good(self) -> bool:
        is_flat = self.growth < MAX_GROWTH_MB
        return is_flat and self.first_byte < MAX_FIRST_BYTE_SECONDS and not self.faults


def measure(
    url: str, key: str, app: Component, format_name: str, rate: float, rows: int, file: Path
) -> Measured:
    """Read an export at `rate` MiB a second into the file, and check what was read."""
    found = Measured(format_name)
    is_over = threading.Event()
    sampler = threading.Thread(target=_sample, args=(app, found.memory, is_over))
    sampler.start()
    began, before = time.monotonic(), cpu_seconds(app.tree.pid)
    try:
        path = f"{url}/tasks/export?format={format_name}"
        headers = {"Authorization": f"Bearer {key}"}
        with (
            httpx.stream("GET", path, headers=headers, timeout=120) as answer,
            file.open("wb") as out,
        ):
            answer.raise_for_status()
            for piece in answer.iter_raw():
                found.first_byte = found.first_byte or time.monotonic() - began
                out.write(piece)
                found.size += len(piece)
                due = began + found.size / (rate * _MIB)
                time.sleep(max(0.0, due - time.monotonic()))
    finally:
        is_over.set()
        sampler.join()
    found.seconds = time.monotonic() - began
    found.cpu = cpu_seconds(app.tree.pid) - before
    found.rows, found.faults = _check(_READERS[format_name](file), format_name, rows)
    return found


def _sample(app: Component, memory: list[float], is_over: threading.Event) -> None:
    while not is_over.wait(_SAMPLE_SECONDS):
        memory.append(app.pss_bytes() / _MIB)


Row = tuple[str, Any]  # the name, and the result


def _read_csv(file: Path) -> Iterator[Row]:
    with file.open(encoding="utf-8", newline="") as text:
        for row in csv.DictReader(text, strict=True):
            yield row["name"], row["result"]


def _read_ndjson(file: Path) -> Iterator[Row]:
    with file.open("rb") as lines:
        for line in lines:
            row = json.loads(line)
            yield row["name"], json.dumps(row["result"])


def _read_xlsx(file: Path) -> Iterator[Row]:
    book = openpyxl.load_workbook(file, read_only=True)
    for sheet in book.worksheets:
        rows = sheet.iter_rows()
        names = [cell.value for cell in next(rows)]
        name, result = names.index("name"), names.index("result")
        for row in rows:
            if row[name].data_type == "f":
                yield "a formula", None
            yield row[name].value, row[result].value if len(row) > result else None


_READERS: dict[str, Callable[[Path], Iterator[Row]]] = {
    "csv": _read_csv,
    "ndjson": _read_ndjson,
    "xlsx": _read_xlsx,
}


def _check(read: Iterator[Row], format_name: str, rows: int) -> tuple[int, list[str]]:
    """The number of rows, and what is not as it was written."""
    shown = NAME.replace("\x1b", r"\x1b")
    name = {"csv": f"'{shown}", "ndjson": NAME, "xlsx": shown}[format_name]
    count = named = 0
    faults: list[str] = []
    for found, result in read:
        count += 1
        named += found == name
        if found == "the first":
            continue
        value = json.loads(result)
        if value != VALUES or type(value["large"]) is not float:
            faults.append(f"result {result!r}")
    expected = (rows - 1) // 100
    if count != rows:
        faults.append(f"{count} rows instead of {rows}")
    if named != expected:
        faults.append(f"{named} of {expected} names are as they were written")
    return count, faults[:10]


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/measure-exports",
        description="Exports tasks in each format to a reader that is slow, and reads them back.",
        epilog="Exit codes: 0 within the limits, 1 not. The limits: the first byte comes within "
        f"{MAX_FIRST_BYTE_SECONDS:g} s, the memory of the app rises by less than "
        f"{MAX_GROWTH_MB:g} MiB, and every row is read back as it was.",
    )
    parser.add_argument("--rows", type=int, default=200_000, help="tasks (default 200,000)")
    parser.add_argument(
        "--rate", type=float, default=4.0, help="MiB that are read a second (default 4)"
    )
    parser.add_argument("--server", choices=("uvicorn", "daphne"), default="uvicorn")
    parser.add_argument("--keep", type=Path, help="keep the files in this folder")
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    with ExitStack() as stack:
        started = stack.enter_context(servers.running())
        found = _measure_all(started, stack, options)
    if options.json:
        print(json.dumps([vars(each) for each in found]))
    else:
        _show(found)
    return 0 if all(each.is_good for each in found) else 1


def _measure_all(
    started: servers.Servers, stack: ExitStack, options: argparse.Namespace
) -> list[Measured]:
    started.make_database("exports")
    port = processes.free_port()
    env = started.env(
        DATABASE_URL=started.database_url("exports"),
        REDIS_HOST=started.valkey[0],
        REDIS_PORT=str(started.valkey[1]),
        TASKPLANE_DOTENV=os.devnull,
        TASKPLANE_HTTP_SERVER=options.server,
    )
    key = run_job(["-m", "benchmarks.exports_fill", str(options.rows)], env)
    serve = ["manage.py", "serve", "--port", str(port)]
    app = stack.enter_context(running(serve, env, started.state / "exports-app.log"))
    url = f"http://127.0.0.1:{port}"
    _wait_for(url, key)
    folder = options.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
    folder.mkdir(parents=True, exist_ok=True)
    found = [
        measure(url, key, app, each, options.rate, options.rows, folder / f"tasks.{each}")
        for each in FORMATS
    ]
    app.require_alive()
    return found


def _wait_for(url: str, key: str) -> None:
    """Until the app answers. A small export of each format loads what they need."""
    give_up = time.monotonic() + _START_SECONDS
    while True:
        try:
            for name in FORMATS:
                path = f"{url}/tasks/export?format={name}&status=PENDING"
                headers = {"Authorization": f"Bearer {key}"}
                httpx.get(path, headers=headers, timeout=30).raise_for_status()
        except httpx.HTTPError:
            if time.monotonic() > give_up:
                raise
            time.sleep(0.2)
        else:
            return


def _show(found: Sequence[Measured]) -> None:
    table = Table(title="Exports to a slow reader")
    table.add_column("")
    for each in found:
        table.add_column(each.format_name, justify="right")
    for name, value in {
        "rows read back": lambda each: f"{each.rows:,}",
        "MiB": lambda each: f"{each.size / _MIB:.1f}",
        "seconds": lambda each: f"{each.seconds:.0f}",
        "first byte, ms": lambda each: f"{each.first_byte * 1_000:.0f}",
        "CPU of the app, s": lambda each: f"{each.cpu:.1f}",
        "memory over time, MiB": lambda each: _row(each.memory),
        "growth, MiB": lambda each: f"{each.growth:.1f}",
        "wrong": lambda each: ", ".join(each.faults) or "nothing",
    }.items():
        table.add_row(name, *map(value, found))
    Console().print(table)


def _row(values: Sequence[float]) -> str:
    """The first, eight between, and the last."""
    step = max(1, len(values) // 9)
    return " ".join(f"{value:.0f}" for value in [*values[::step][:9], *values[-1:]])


if __name__ == "__main__":
    sys.exit(main())
