"""The texts of a chart, and where they stand without overlapping: pure functions."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from controlplane.core.admin.scales import Tick, shorten

LINE_HEIGHT = 14  # pixels
_FIRST_LINE = 13
_CLOSE = 25  # percent of the width: about as long as a name, in a narrow chart twice that
_ROWS = 3


@dataclass(frozen=True, slots=True)
class Text:
    """A text of the plot, at percent from the left and pixels from the top."""

    x: float
    y: float
    text: str
    css: str = "chart-note"
    anchor: str = "start"
    dx: int = 0


def anchor_at(position: float) -> str:
    """Where a text of the axis of time begins, so that it stays inside the plot."""
    return "start" if position < 4 else "end" if position > 92 else "middle"


def name_marks(marks: Sequence[Tick]) -> list[Text]:
    """The name of each mark beside its line, on the side with more room. Names of marks that are
    close stand below each other."""
    found = []
    for number, mark in enumerate(marks):
        is_left = mark.position > 50
        row = sum(_meets(mark.position, other.position) for other in marks[:number])
        found.append(
            Text(
                mark.position,
                _FIRST_LINE + row % _ROWS * LINE_HEIGHT,
                mark.text,
                css="mark-name",
                anchor="end" if is_left else "start",
                dx=-6 if is_left else 6,
            )
        )
    return found


def begin_at_names(marks: Sequence[Tick], names: Sequence[Text]) -> list[Tick]:
    """The marks with lines that begin beside their own names, and cross no name above."""
    return [
        replace(mark, top=name.y - _FIRST_LINE + 4) if name.text else mark
        for mark, name in zip(marks, names, strict=True)
    ]


def room_for(texts: Sequence[Text]) -> float:
    """The pixels at the top that names need, so that no line crosses them."""
    return max((text.y for text in texts if text.text), default=-5.0) + 5


def _meets(one: float, other: float) -> bool:
    """Whether the names of two marks may meet: they are close, or point towards each other."""
    faces = min(one, other) <= 50 < max(one, other)
    return abs(one - other) < (2 * _CLOSE if faces else _CLOSE)


def move_apart(texts: Sequence[Text], height: float) -> list[Text]:
    """The texts from the top down, one line apart at least, as far as possible inside the
    height."""
    found: list[Text] = []
    lowest = 10.0
    ordered = sorted(texts, key=lambda text: text.y)
    for number, text in enumerate(ordered):
        below = LINE_HEIGHT * (len(ordered) - 1 - number)
        y = max(min(text.y, height + 4 - below), lowest)
        found.append(replace(text, y=shorten(y)))
        lowest = y + LINE_HEIGHT
    return found
