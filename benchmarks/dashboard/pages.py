"""The scenario `pages`: each page of the dashboard as a person's session gets it, one after the
other, over a long history: the time until its first byte, its CPU, its statements and its size;
then the memory of the app over all of them."""

import gzip
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection
from itertools import cycle, islice
from typing import Any

from rich.table import Table

from benchmarks.processes import ChildError, cpu_seconds, run_job
from benchmarks.scenarios import Figures, Sizes
from benchmarks.systems import Taskplane
from benchmarks.systems.app import App

FIRST_BYTE_AIM_MS = 300
GROWTH_AIM = 0.10
NOTABLE_CPU_MS = 100
NOTABLE_BYTES = 500_000
_JOBS = ("-m", "benchmarks.dashboard.jobs")
_LONGEST_FILL_SECONDS = 3_600
_LONGEST_ANSWER_SECONDS = 60
_MEMORY, _MEMORY_LOOKS = "memory of the app", 4
_COLUMNS = {
    "p50_ms": "first byte, p50 ms",
    "max_ms": "slowest",
    "first_ms": "first call",
    "cpu_ms": "CPU of the app, ms",
    "postgres_ms": "CPU of Postgres, ms",
    "statements": "statements",
    "bytes": "KB",
    "gzip_bytes": "KB, gzip",
}
Note = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class _Answer:
    seconds: float  # until its first byte
    body: bytes


def measure_pages(system: Taskplane, sizes: Sizes, note: Note) -> Figures:
    """Fill a database, measure, drop it. Figures are named `<page>|<what>`."""
    filled = Taskplane(system.servers, database="pages", broker=11)
    try:
        filled.prepare()
        note("Pages: filling a database")
        fill(filled, sizes)
        return measure_filled(filled, sizes, note)
    finally:
        filled.close()
        system.servers.drop_database(filled.database)


def fill(filled: Taskplane, sizes: Sizes) -> None:
    """Write the history into an empty database."""
    options = ["--waiting", str(sizes.pages_waiting), "--ended", str(sizes.pages_ended)]
    options += ["--records", str(sizes.pages_records)]
    run_job([*_JOBS, "fill", *options], filled.env(), seconds=_LONGEST_FILL_SECONDS)


def measure_filled(filled: Taskplane, sizes: Sizes, note: Note) -> Figures:
    """Every page, in a database that is filled."""
    note("Pages: counting statements")
    found = run_job([*_JOBS, "find"], filled.env(), seconds=_LONGEST_FILL_SECONDS)
    pages, cookies = found["pages"], found["cookies"]
    (tasks,) = filled.ask("SELECT count(*) FROM tasks_app_task")
    figures: Figures = {"tasks": tasks, "pages": len(pages)}
    with filled.app() as app:
        _get(app, "/admin/login/", "")  # the first request of a process builds its URLs
        for number, page in enumerate(pages):
            if number % 20 == 0:
                note(f"Pages: {number} of {len(pages)}")
            measured = _measure(app, page, cookies[page["person"]], sizes.pages_calls)
            figures |= {f"{page['title']}|{what}": value for what, value in measured.items()}
        note("Pages: memory")
        figures |= _measure_memory(app, pages, cookies, sizes.pages_requests)
    return figures


def _measure(app: App, page: Mapping[str, Any], cookie: str, calls: int) -> Figures:
    first = _get(app, page["url"], cookie, is_endless=page["is_endless"])
    app_before, postgres_before = app.component.cpu_seconds(), _postgres_seconds(app)
    later = [_get(app, page["url"], cookie, is_endless=page["is_endless"]) for _ in range(calls)]
    times = [each.seconds for each in later]
    return {
        "first_ms": first.seconds * 1000,
        "p50_ms": statistics.median(times) * 1000,
        "max_ms": max(times) * 1000,
        "cpu_ms": (app.component.cpu_seconds() - app_before) / calls * 1000,
        "postgres_ms": (_postgres_seconds(app) - postgres_before) / calls * 1000,
        "statements": page["statements"],
        "bytes": len(later[-1].body),
        "gzip_bytes": len(gzip.compress(later[-1].body, 6)),
    }


def _postgres_seconds(app: App) -> float:
    return cpu_seconds(app.database_pid) if app.database_pid else 0.0


def _measure_memory(
    app: App, pages: Sequence[Mapping[str, Any]], cookies: Mapping[str, str], requests: int
) -> Figures:
    """What the app takes up before and while it serves this many requests, all pages in turn."""
    shown = cycle(page for page in pages if not page["is_endless"])
    looks = [app.component.pss_bytes()]
    for _ in range(_MEMORY_LOOKS):
        for page in islice(shown, max(1, requests // _MEMORY_LOOKS)):
            _get(app, page["url"], cookies[page["person"]])
        looks.append(app.component.pss_bytes())
    return {
        **{f"{_MEMORY}, look {number}": taken / 2**20 for number, taken in enumerate(looks)},
        "memory_growth": max(looks) / looks[0] - 1,
    }


def _get(app: App, url: str, cookie: str, *, is_endless: bool = False) -> _Answer:
    """The page, without compression; only the beginning of one that is endless. Raises ChildError
    unless the answer is 200."""
    connection = HTTPConnection(app.host, app.port, timeout=_LONGEST_ANSWER_SECONDS)
    try:
        connection.connect()
        began = time.perf_counter()
        connection.request("GET", url, headers={"Cookie": cookie, "Accept": "text/html"})
        answer = connection.getresponse()
        begin = answer.read(1)
        seconds = time.perf_counter() - began
        body = begin + (answer.read1() if is_endless else answer.read())
    finally:
        connection.close()
    if answer.status != 200:
        raise ChildError(f"GET {url} answered {answer.status}.")
    return _Answer(seconds, body)


def make_tables(figures: Figures) -> Sequence[Table]:
    """The pages, slowest first; then the verdict."""
    return [_show_pages(figures), _show_verdict(figures)]


def _titles(figures: Figures) -> list[str]:
    return [name.partition("|")[0] for name in figures if name.endswith("|p50_ms")]


def _show_pages(figures: Figures) -> Table:
    table = Table(
        title=f"{figures['pages']:.0f} pages over {figures['tasks']:,.0f} tasks",
        caption=f"* first byte above {FIRST_BYTE_AIM_MS} ms, {NOTABLE_CPU_MS} ms of CPU or "
        f"{NOTABLE_BYTES // 1_000} KB",
        title_justify="left",
    )
    table.add_column("page")
    for name in _COLUMNS.values():
        table.add_column(name, justify="right")
    for title in sorted(_titles(figures), key=lambda title: -figures[f"{title}|p50_ms"]):
        cells = [_cell(what, figures[f"{title}|{what}"]) for what in _COLUMNS]
        table.add_row(f"[bold red]{title} *" if _is_notable(figures, title) else title, *cells)
    return table


def _cell(what: str, value: float) -> str:
    return f"{value / 1_000:,.0f}" if what.endswith("bytes") else f"{value:,.0f}"


def _is_notable(figures: Figures, title: str) -> bool:
    cpu = figures[f"{title}|cpu_ms"] + figures[f"{title}|postgres_ms"]
    return (
        figures[f"{title}|p50_ms"] > FIRST_BYTE_AIM_MS
        or cpu > NOTABLE_CPU_MS
        or figures[f"{title}|bytes"] > NOTABLE_BYTES
    )


def _show_verdict(figures: Figures) -> Table:
    table = Table(title="Verdict", title_justify="left")
    for name in ("", "aim", "measured", ""):
        table.add_column(name, justify="right" if name else "left")
    for row in _verdicts(figures):
        table.add_row(*row)
    return table


def _verdicts(figures: Figures) -> Iterator[tuple[str, str, str, str]]:
    slowest = max(_titles(figures), key=lambda title: figures[f"{title}|p50_ms"])
    first_byte = figures[f"{slowest}|p50_ms"]
    yield (
        "The slowest page's first byte, p50",
        f"< {FIRST_BYTE_AIM_MS} ms",
        f"{first_byte:,.0f} ms ({slowest})",
        _judge(first_byte < FIRST_BYTE_AIM_MS),
    )
    memory = [value for name, value in figures.items() if name.startswith(_MEMORY)]
    yield (
        "Memory of the app over all pages",
        f"within {GROWTH_AIM:.0%}",
        f"{' '.join(f'{value:.0f}' for value in memory)} MiB",
        _judge(figures["memory_growth"] < GROWTH_AIM),
    )


def _judge(is_met: bool) -> str:
    return "[green]met" if is_met else "[red]missed"
