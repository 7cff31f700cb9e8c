"""The scenarios about size: many slots, a long history, pages over it. They run when they are
named."""

from collections.abc import Sequence

from rich.table import Table

from benchmarks.dashboard import pages
from benchmarks.history.comparison import compare
from benchmarks.history.tables import make_tables
from benchmarks.load import measure_load
from benchmarks.scenarios import Figures, Scenario, Sizes
from benchmarks.systems import Taskplane

_KINDS = {"noop": "no-op", "sync-1ms": "1 ms, blocking", "async-1ms": "1 ms, async"}
# A blocking handler of 1 ms lets a slot do less than a thousand a second.
_BLOCKING_A_SLOT = 5_000
_COLUMNS = {
    "per_second": "tasks/s",
    "worker_us": "CPU of the worker, µs a task",
    "postgres_us": "CPU of Postgres, µs a task",
    "wal_bytes": "WAL, bytes a task",
    "transactions": "commits a task",
    "submit_wal_bytes": "WAL of its bulk submission",
    "connections": "connections",
}


def scale(system: Taskplane, sizes: Sizes) -> Figures:
    """One worker with more and more slots, each a process with a connection of its own."""
    figures: Figures = {}
    for kind in _KINDS:
        for slots in sizes.slots:
            count = sizes.scale
            if kind == "sync-1ms":
                count = min(count, _BLOCKING_A_SLOT * slots)
            system.reset()
            measured = measure_load(system, kind=kind, slots=slots, count=count)
            figures |= {f"{kind}|{slots}|{what}": value for what, value in measured.items()}
    return figures


def _tables(figures: Figures) -> Sequence[Table]:
    table = Table(title="One worker by slots", title_justify="left")
    for name in ("handler", "slots", *_COLUMNS.values()):
        table.add_column(name, justify="left" if name == "handler" else "right")
    for kind, title in _KINDS.items():
        measured = [name.split("|") for name in figures if name.startswith(f"{kind}|")]
        for slots in dict.fromkeys(slots for _, slots, _ in measured):
            values = [figures[f"{kind}|{slots}|{what}"] for what in _COLUMNS]
            cells = [f"{value:,.0f}" if value >= 10 else f"{value:.3g}" for value in values]
            table.add_row(title, slots, *cells)
    return [table]


ON_REQUEST = (
    Scenario("scale", "Slots", scale, Taskplane, _tables),
    Scenario(
        "history",
        "A long history",
        compare,
        Taskplane,
        make_tables,
        is_once=True,
        has_progress=True,
    ),
    Scenario(
        "pages",
        "Pages",
        pages.measure_pages,
        Taskplane,
        pages.make_tables,
        is_once=True,
        has_progress=True,
    ),
)
