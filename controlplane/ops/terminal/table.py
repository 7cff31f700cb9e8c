"""Rows in columns, as many as there is room for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from controlplane.core.console.cells import Line

_GAP = 2
_MARK = 2  # the sign of a row, and a blank


@dataclass(frozen=True, slots=True)
class Column:
    """`width` 0 takes what is left, `least` at least. `rank`: columns of a higher one are left out
    first. `sort` gives the value by which rows are sorted; the greatest first if `is_falling`."""

    title: str
    width: int
    show: Callable[[Any], str]
    style: Callable[[Any], str] = lambda _row: ""
    is_right: bool = True
    rank: int = 0
    least: int = 0
    sort: Callable[[Any], Any] | None = None
    is_falling: bool = True


@dataclass(frozen=True, slots=True)
class Kind:
    """What a pane lists. `mark` is the sign of a row with its style; `text` what is searched."""

    title: str
    noun: str
    columns: Sequence[Column]
    mark: Callable[[Any], tuple[str, str]]
    text: Callable[[Any], str]
    empty: str

    @property
    def sortable(self) -> list[Column]:
        return [column for column in self.columns if column.sort is not None]


@dataclass(frozen=True, slots=True)
class Placed:
    """A column with its place."""

    column: Column
    at: int
    width: int


def place(columns: Sequence[Column], width: int) -> list[Placed]:
    """The columns for which there is room, in their order."""
    chosen = list(columns)
    while len(chosen) > 1 and _needed(chosen) > width:
        chosen.remove(max(chosen, key=lambda column: (column.rank, columns.index(column))))
    flexible = [column for column in chosen if not column.width]
    spare = max(0, width - _needed(chosen))
    placed, at = [], _MARK
    for column in chosen:
        size = column.width
        if not size:
            share = spare // len(flexible)
            if column is flexible[-1]:
                share = spare - share * (len(flexible) - 1)
            size = column.least + share
        placed.append(Placed(column, at, size))
        at += size + _GAP
    return placed


def _needed(columns: Sequence[Column]) -> int:
    sizes = [column.width or column.least for column in columns]
    return _MARK + sum(sizes) + _GAP * (len(sizes) - 1)


def select(
    kind: Kind, rows: Sequence[Any], sort: int, search: str, *, is_reversed: bool
) -> list[Any]:
    """The rows that hold the text, sorted by a column. `sort` -1 is the order in which they come,
    which is that of the overview. Unknown values come last."""
    wanted = search.casefold()
    found = [row for row in rows if wanted in kind.text(row).casefold()] if wanted else list(rows)
    by = kind.sortable[sort].sort if sort >= 0 else None
    if by is None:
        return found[::-1] if is_reversed else found
    known = [row for row in found if by(row) is not None]
    known.sort(key=by, reverse=kind.sortable[sort].is_falling != is_reversed)
    return [*known, *(row for row in found if by(row) is None)]


def draw_heading(placed: Sequence[Placed], width: int) -> Line:
    """The titles."""
    line = Line(width)
    for each in placed:
        title = each.column.title
        line.put(each.at, title, "quiet", width=each.width, is_right=each.column.is_right)
    return line


def draw_row(kind: Kind, placed: Sequence[Placed], row: Any, width: int, *, chosen: bool) -> Line:
    """One row; the chosen one stands out without colours, too."""
    line = Line(width, style="selected" if chosen else "")
    sign, style = kind.mark(row)
    line.put(0, sign, style, width=1)
    for each in placed:
        column = each.column
        line.put(
            each.at,
            column.show(row),
            column.style(row),
            width=each.width,
            is_right=column.is_right,
        )
    return line
