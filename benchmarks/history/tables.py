"""What the scenario `history` prints."""

from collections.abc import Sequence

from rich.table import Table

from benchmarks.history.comparison import SIDES, TABLES
from benchmarks.scenarios import Figures

AIM = 0.2  # a long history may raise the median time of a call by so much


def make_tables(figures: Figures) -> Sequence[Table]:
    """The calls, small beside large, each with whether the aim was met; then the sizes."""
    return [_calls(figures), _sizes(figures)]


def find_missed(figures: Figures) -> list[str]:
    """The calls whose median time grew by more than the aim."""
    return [call for call in _names(figures) if (_change(figures, call, "p50_ms") or 0) > AIM]


def _names(figures: Figures) -> list[str]:
    calls = [name.split("|")[1] for name in figures if name.startswith("small|")]
    return [call for call in dict.fromkeys(calls) if call not in TABLES]


def _calls(figures: Figures) -> Table:
    small, large = (f"{figures[f'{side}|task|rows']:,.0f}" for side in SIDES)
    names, missed = _names(figures), find_missed(figures)
    summary = (
        f"{len(names) - len(missed)} of {len(names)} calls met the aim: p50 at most {AIM:+.0%}."
    )
    table = Table(
        title=f"{small} tasks beside {large}; ms a call. {summary}",
        title_justify="left",
        caption=f"Missed: {', '.join(missed) or 'none'}. CPU: of the process and of Postgres.",
        caption_justify="left",
    )
    for name in ("", "p50 small", "p50 large", "change", "p95", "CPU", "change", "aim"):
        table.add_column(name, justify="right" if name else "left")
    for call in names:
        table.add_row(
            call,
            *(f"{figures[f'{side}|{call}|p50_ms']:.3g}" for side in SIDES),
            _percent(_change(figures, call, "p50_ms")),
            _pair(figures, call, "p95_ms"),
            _pair(figures, call, "cpu_ms", "postgres_ms"),
            _percent(_change(figures, call, "cpu_ms", "postgres_ms")),
            "[bold red]missed" if call in missed else "met",
        )
    return table


def _pair(figures: Figures, call: str, *what: str) -> str:
    return " → ".join(f"{value:.3g}" for value in _sums(figures, call, *what))


def _change(figures: Figures, call: str, *what: str) -> float | None:
    """By what share it grew; None if the small one took no time."""
    small, large = _sums(figures, call, *what)
    return large / small - 1 if small else None


def _sums(figures: Figures, call: str, *what: str) -> list[float]:
    return [sum(figures[f"{side}|{call}|{each}"] for each in what) for side in SIDES]


def _percent(change: float | None) -> str:
    return "-" if change is None else f"{change:+.0%}"


def _sizes(figures: Figures) -> Table:
    table = Table(title="On disk, bytes a row", title_justify="left")
    for name in ("", "rows", "table", "indexes"):
        table.add_column(name, justify="right" if name else "left")
    for row in TABLES:
        values = [figures[f"large|{row}|{what}"] for what in ("rows", "heap_bytes", "index_bytes")]
        table.add_row(row, *(f"{value:,.0f}" for value in values))
    return table
