"""Text in columns. How wide a character is drawn, terminals disagree about: `fit` measures as most
of them do, and a `Line` puts each text at a column of its own, so that a wrong width cannot move
what stands behind it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from wcwidth import iter_graphemes, wcswidth

from controlplane.core.safetext import terminal_text

_ELLIPSIS = "…"
_CARRIER = "◌"  # what a mark is written on that has no letter before it


def width_of(text: str) -> int:
    """The columns that a text of `terminal_text` takes."""
    return len(text) if text.isascii() else max(0, wcswidth(text))


def fit(text: object, width: int, *, is_right: bool = False) -> str:
    """The text in exactly `width` columns, with an ellipsis where something is cut off."""
    shown = terminal_text(text)
    if not shown.isascii():
        shown = _clip(shown, width)
    elif len(shown) > width:
        shown = shown[: width - 1] + _ELLIPSIS if width else ""
    blanks = " " * (width - width_of(shown))
    return blanks + shown if is_right else shown + blanks


def _clip(text: str, width: int) -> str:
    if wcswidth(text[0]) == 0:
        text = _CARRIER + text
    parts: list[tuple[str, int]] = []
    taken = 0
    for part in iter_graphemes(text):
        size = max(0, wcswidth(part))
        if taken + size > width:
            while parts and taken > width - 1:
                taken -= parts.pop()[1]
            return "".join(shown for shown, _ in parts) + _ELLIPSIS * (width > 0)
        parts.append((part, size))
        taken += size
    return text


def wrap(text: object, width: int, limit: int) -> list[str]:
    """The text in at most `limit` lines, broken at blanks where that is possible."""
    lines: list[str] = []
    rest = terminal_text(text)
    while rest and len(lines) < limit - 1:
        if width_of(rest) <= width:
            break
        head = _take(rest, width)
        at = head.rfind(" ") if rest[len(head) : len(head) + 1] != " " else len(head)
        head = head[:at] if at > 0 else head
        lines.append(head)
        rest = rest[len(head) :].lstrip(" ")
    return [*lines, fit(rest, width).rstrip(" ")] if rest or not lines else lines


def _take(text: str, width: int) -> str:
    """The longest beginning that fits, of one grapheme at least."""
    if text.isascii():
        return text[: max(1, width)]
    parts: list[str] = []
    taken = 0
    for part in iter_graphemes(text):
        taken += max(0, wcswidth(part))
        if taken > width and parts:
            break
        parts.append(part)
    return "".join(parts)


@dataclass(frozen=True, slots=True)
class Cell:
    """A text at a column, in a style: words of `paint.STYLES`."""

    at: int
    text: str
    style: str = ""


class Line:
    """One line of a screen, of cells from left to right."""

    def __init__(self, width: int, *, style: str = "") -> None:
        self.width = width
        self.style = style  # of the whole line
        self.cells: list[Cell] = []

    def put(
        self, at: int, text: object, style: str = "", *, width: int = 0, is_right: bool = False
    ) -> int:
        """Put a text at a column, in `width` columns or as many as it needs; what is beyond the
        line is cut off. Returns the column behind it."""
        room = max(0, self.width - at)
        shown = fit(text, min(width or width_of(terminal_text(text)), room), is_right=is_right)
        if shown:
            self.cells.append(Cell(at, shown, style))
        return at + width_of(shown)

    def fade(self) -> None:
        """All of it in grey: it is old."""
        self.style = ""
        self.cells = [Cell(cell.at, cell.text, "quiet") for cell in self.cells]

    @property
    def plain(self) -> str:
        """Without styles."""
        text = ""
        for cell in self.cells:
            text = fit(text, cell.at) if width_of(text) > cell.at else text
            text += " " * (cell.at - width_of(text)) + cell.text
        return text.rstrip(" ")


def spark(values: Sequence[float | None], width: int) -> str:
    """The newest `width` values as bars over each other's greatest; a gap where one is unknown,
    none at the end."""
    known = list(values)
    while known and known[-1] is None:
        known.pop()
    shown = known[-width:]
    greatest = max((value for value in shown if value), default=0.0)
    bars = "▁▂▃▄▅▆▇█"
    text = "".join(
        " " if value is None else bars[min(7, int(value / greatest * 7.999))] if greatest else "▁"
        for value in shown
    )
    return text.rjust(width)
