"""What the scenario `history` prints."""

from collections.abc import Sequence

from rich.table import Table

from benchmarks.history.comparison import SIDES, TABLES
from benchmarks.scenarios import Figures

_NOTABLE = 0.2  # changes above this are marked


def make_tables(figures: Figures) -> Sequence[Table]:
    """The calls, small beside large; then the sizes."""
    return [_calls(figures), _sizes(figures)]


def _calls(figures: Figures) -> Table:
    small, large = (f"{figures[f'{side}|task|rows']:,.0f}" for side in SIDES)
    table = Table(title=f"{small} tasks beside {large}; ms a call", title_justify="left")
    for name in ("", "p50", "change", "p95", "CPU of the process", "CPU of Postgres", "change"):
        table.add_column(name, justify="right" if name else "left")
    calls = [name.split("|")[1] for name in figures if name.startswith("small|")]
    for call in dict.fromkeys(calls):
        if call not in TABLES:
            table.add_row(
                call,
                _pair(figures, call, "p50_ms"),
                _change(figures, call, "p50_ms"),
                _pair(figures, call, "p95_ms"),
                _pair(figures, call, "cpu_ms"),
                _pair(figures, call, "postgres_ms"),
                _change(figures, call, "cpu_ms", "postgres_ms"),
            )
    return table


def _pair(figures: Figures, call: str, what: str) -> str:
    return " → ".join(f"{figures[f'{side}|{call}|{what}']:.3g}" for side in SIDES)


def _change(figures: Figures, call: str, *what: str) -> str:
    small, large = (sum(figures[f"{side}|{call}|{each}"] for each in what) for side in SIDES)
    if not small:
        return "-"
    change = large / small - 1
    text = f"{change:+.0%}"
    return f"[bold red]{text} *" if change > _NOTABLE else text


def _sizes(figures: Figures) -> Table:
    table = Table(title="On disk, bytes a row", title_justify="left")
    for name in ("", "rows", "table", "indexes"):
        table.add_column(name, justify="right" if name else "left")
    for row in TABLES:
        values = [figures[f"large|{row}|{what}"] for what in ("rows", "heap_bytes", "index_bytes")]
        table.add_row(row, *(f"{value:,.0f}" for value in values))
    return table
