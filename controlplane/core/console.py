"""Tables, styles and progress on a terminal. The only module that knows rich.

Every string that rich draws becomes a `Text` in `Console.render_str`, so that is where it is made
safe. Markup and emoji codes are off: brackets in a name are brackets.
"""

from typing import Any

from rich.console import Console as _Console
from rich.console import Group, RenderableType
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn
from rich.progress import Task as _ProgressTask
from rich.progress import TextColumn as _TextColumn
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from controlplane.core.safetext import safe_text

__all__ = [
    "Console",
    "Group",
    "Live",
    "Progress",
    "ProgressBar",
    "RenderableType",
    "Table",
    "facts_table",
    "make_progress",
    "styled",
]


class Console(_Console):
    """rich's console, on which no text is more than text."""

    def __init__(self, **options: Any) -> None:
        super().__init__(markup=False, emoji=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        """A string of `print`, of a cell, a header or a title."""
        return super().render_str(safe_text(text), **{**options, "markup": False, "emoji": False})


class _SafeColumn(_TextColumn):
    def render(self, task: _ProgressTask) -> Text:
        return Text(safe_text(self.text_format.format(task=task)), style=self.style)


def facts_table() -> Table:
    """Two columns without a frame: names and values. Long words are folded, not cut off."""
    table = Table(show_header=False, box=None)
    table.add_column()
    table.add_column(overflow="fold")
    return table


def styled(text: object, style: str) -> Text:
    """A text in a colour."""
    return Text(safe_text(text), style=style)


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
