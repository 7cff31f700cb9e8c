"""Tables, styles and progress on a terminal. The only module that knows rich.

Every string that rich draws becomes a `Text` in `Console.render_str`, so that is where it is made
safe. Markup and emoji codes are off: brackets in a name are brackets.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeAlias

from pydantic.alias_generators import to_snake
from rich.console import Console as _Console
from rich.console import Group, RenderableType
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn
from rich.progress import Task as _ProgressTask
from rich.progress import TextColumn as _TextColumn
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from controlplane.core.formatting import EMPTY
from controlplane.core.safetext import safe_text, terminal_text

__all__ = [
    "Columns",
    "Console",
    "Group",
    "Live",
    "Progress",
    "ProgressBar",
    "RenderableType",
    "Show",
    "Table",
    "columns_of",
    "list_view",
    "make_progress",
    "print_record",
    "record_view",
    "styled",
    "table_of",
]

_PIPE_WIDTH = 200
_ID_WIDTH = 36


class Console(_Console):
    """rich's console, which never interprets text as markup. It writes to `file`."""

    def __init__(self, file: Any, **options: Any) -> None:
        # A pipe or a file has no width: then nothing is cut off.
        options.setdefault("width", None if file.isatty() else _PIPE_WIDTH)
        super().__init__(file=file, markup=False, emoji=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        """A string of `print`, of a cell, a header or a title."""
        shown = terminal_text(text)
        return super().render_str(shown, **{**options, "markup": False, "emoji": False})

    def write(self, text: str) -> None:
        """One line, which is not broken where the terminal ends."""
        self.print(text, soft_wrap=True, highlight=False)


Show: TypeAlias = Callable[[Console, Any], None]
Column: TypeAlias = str | Callable[[Any], Any]
"""A key of a row, or what makes the cell of the row."""
Columns: TypeAlias = Mapping[str, Column]


class _SafeColumn(_TextColumn):
    def render(self, task: _ProgressTask) -> Text:
        return Text(safe_text(self.text_format.format(task=task)), style=self.style)


def columns_of(*names: str) -> dict[str, Column]:
    """The fields of a represented resource, each under its own words: `createdAt` under `created
    at`."""
    return {to_snake(name).replace("_", " "): name for name in names}


def table_of(columns: Columns, rows: Collection[Any], **options: Any) -> Table:
    """One row for each, with `columns` by their headings. The first column is never wrapped, so
    that it can be copied."""
    table = Table(*columns, **options)
    for row in rows:
        table.add_row(
            *(_cell(row[each] if isinstance(each, str) else each(row)) for each in columns.values())
        )
    table.columns[0].no_wrap = True
    widest = max((len(str(each)) for each in table.columns[0].cells), default=0)
    table.columns[0].min_width = min(widest, _ID_WIDTH)
    return table


def list_view(columns: Columns, *, empty: str) -> Show:
    """Shows a list as a table, or a sentence if it is empty."""

    def show(console: Console, rows: Collection[Any]) -> None:
        console.print(table_of(columns, rows) if rows else empty)

    return show


def print_record(console: Console, record: Mapping[str, Any], *, without: Collection[str]) -> None:
    """A line for each field that has a value. Long words are folded, not cut off."""
    table = Table(show_header=False, box=None)
    table.add_column()
    table.add_column(overflow="fold")
    for name, value in record.items():
        if name not in without and value not in (None, "", [], {}):
            table.add_row(name, str(value))
    console.print(table)


def record_view(*, without: Collection[str] = ()) -> Show:
    """What shows one record."""
    return lambda console, record: print_record(console, record, without=without)


def styled(text: object, style: str) -> Text:
    """A text in a colour."""
    return Text(terminal_text(text), style=style)


def make_progress(console: Console, **options: Any) -> Progress:
    """A bar with a description, counts, the time and a note (`note=`)."""
    return Progress(
        _SafeColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        _SafeColumn("{task.fields[note]}"),
        console=console,
        transient=True,
        **options,
    )


def _cell(value: Any) -> RenderableType:
    if isinstance(value, Text):
        return value
    return EMPTY if value is None else str(value)
