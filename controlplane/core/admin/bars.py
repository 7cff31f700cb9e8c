"""The geometry of bars: histograms of times, meters and slots. Pure functions, as in charts.py."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from controlplane.core.admin import scales
from controlplane.core.admin.labels import Text, anchor_at, begin_at_names, name_marks, room_for
from controlplane.core.admin.scales import Tick, shorten
from controlplane.core.formatting import format_count
from controlplane.core.runtime.histograms import RATIO

MAX_COLUMNS = 60
_GAP = 0.2  # percent of the width between two columns


@dataclass(frozen=True, slots=True)
class Bin:
    """How many times lie above `low` and at or below `high`, both in milliseconds."""

    low: float
    high: float
    count: int


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the plot: percent from the left, pixels from the top."""

    x: float
    width: float
    y: float
    height: float
    title: str
    tone: str


@dataclass(frozen=True, slots=True)
class Histogram:
    """Everything that is drawn, and the same figures as a table."""

    sentence: str
    height: int
    grid: list[Tick]
    columns_drawn: list[Column]
    marks: list[Tick]
    texts: list[Text]
    axis: list[Text]
    columns: list[str]
    rows: list[list[str]]

    def to_json(self) -> dict[str, Any]:
        """What charts.js draws."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Part:
    """One stretch of a meter, in percent."""

    x: float
    width: float
    tone: str


@dataclass(frozen=True, slots=True)
class Meter:
    """A bar of parts of a whole. `sentence` says what it shows."""

    sentence: str
    parts: list[Part]

    def to_json(self) -> dict[str, Any]:
        """What charts.js draws."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Slots:
    """One cell for each slot, the busy ones first. `width` is in units of a cell of 6 and a gap of
    2; `cells` has the position of each with whether it is busy."""

    sentence: str
    width: int
    cells: list[tuple[int, bool]]


def fold(histogram: Mapping[int, int], *, columns: int = 24) -> list[Bin]:
    """The buckets of core.runtime.histograms from the first to the last that has times, put
    together so that there are at most `columns`; an empty list without times."""
    known = [bucket for bucket, count in histogram.items() if count > 0]
    if not known:
        return []
    first, last = min(known), max(known)
    width = math.ceil((last - first + 1) / min(columns, MAX_COLUMNS))
    return [
        Bin(
            low=RATIO ** (begin - 1),
            high=RATIO ** (begin + width - 1),
            count=sum(histogram.get(begin + number, 0) for number in range(width)),
        )
        for begin in range(first, last + 1, width)
    ]


def draw_histogram(
    bins: Sequence[Bin],
    sentence: str,
    write: Callable[[float], str],
    *,
    marks: Iterable[tuple[float, str]] = (),
    tone: str = "series",
    late_after: float | None = None,
    height: int = 120,
) -> Histogram:
    """Columns of equal width, since the bins' bounds grow by a constant factor. `marks`: times in
    milliseconds with their names, such as percentiles. Columns above `late_after` stand out.
    `write`: a time in words. Raises ValueError: there are more than MAX_COLUMNS bins."""
    if len(bins) > MAX_COLUMNS:
        raise ValueError(f"A histogram has at most {MAX_COLUMNS} columns, not {len(bins)}.")
    width = 100 / max(1, len(bins))
    ticks = [Tick(_place(value, bins), text) for value, text in marks if bins]
    names = name_marks(ticks)
    scale = scales.linear([each.count for each in bins], height, top=room_for(names))
    return Histogram(
        sentence=sentence,
        height=height,
        grid=scales.ticks(scale, lambda value: f"{value:,.0f}", parts=1),
        columns_drawn=[
            _draw_column(
                number,
                width,
                scale(each.count),
                height,
                title=f"{write(each.low)} to {write(each.high)}: {each.count:,}",
                tone="failed" if late_after is not None and each.low >= late_after else tone,
            )
            for number, each in enumerate(bins)
        ],
        marks=begin_at_names(ticks, names),
        texts=names,
        axis=_axis(bins, write),
        columns=["Above", "Up to", "Count"],
        rows=[[write(each.low), write(each.high), f"{each.count:,}"] for each in bins],
    )


def _draw_column(
    number: int, width: float, y: float, height: int, *, title: str, tone: str
) -> Column:
    """The column at a place from the left; `width` in percent, `y` of its top, `height` of all."""
    return Column(
        x=round(number * width + _GAP / 2, 2),
        width=round(width - _GAP, 2),
        y=y,
        height=shorten(height - y),
        title=title,
        tone=tone,
    )


def draw_times(
    begin: datetime,
    step: timedelta,
    counts: Sequence[int],
    sentence: str,
    *,
    what: str = "Count",
    tone: str = "series",
    height: int = 120,
) -> Histogram:
    """A column for each step of time, the first of which begins at `begin`, in UTC. `what` is
    counted. Raises ValueError: there are more than MAX_COLUMNS steps."""
    if len(counts) > MAX_COLUMNS:
        raise ValueError(f"A histogram has at most {MAX_COLUMNS} columns, not {len(counts)}.")
    width = 100 / max(1, len(counts))
    edges = [(begin + step * number).astimezone(UTC) for number in range(len(counts) + 1)]
    clocks = [edge.strftime("%Y-%m-%d %H:%M %Z") for edge in edges]
    scale = scales.linear(counts, height)
    return Histogram(
        sentence=sentence,
        height=height,
        grid=scales.ticks(scale, lambda value: f"{value:,.0f}", parts=1),
        columns_drawn=[
            _draw_column(
                number,
                width,
                scale(count),
                height,
                title=f"{clocks[number]} to {clocks[number + 1]}: {count:,}",
                tone=tone,
            )
            for number, count in enumerate(counts)
        ],
        marks=[],
        texts=[],
        axis=[
            Text(tick.position, 14, tick.text, css="", anchor=anchor_at(tick.position))
            for tick in scales.time_ticks(edges[0], edges[-1], UTC, most=5)
        ],
        columns=["From", "To", what],
        rows=[
            [clocks[number], clocks[number + 1], f"{count:,}"]
            for number, count in enumerate(counts)
        ],
    )


def _place(value: float, bins: Sequence[Bin]) -> float:
    """Percent from the left on the logarithmic axis, inside the plot."""
    low, high = bins[0].low, bins[-1].high
    share = math.log(max(value, low) / low) / math.log(high / low)
    return shorten(100 * min(1.0, share))


def _axis(bins: Sequence[Bin], write: Callable[[float], str]) -> list[Text]:
    if not bins:
        return []
    middle = bins[len(bins) // 2].low
    return [
        Text(0, 14, write(bins[0].low), css=""),
        Text(_place(middle, bins), 14, write(middle), css="", anchor="middle"),
        Text(100, 14, write(bins[-1].high), css="", anchor="end"),
    ]


def draw_meter(parts: Iterable[tuple[float, str]], whole: float, sentence: str) -> Meter:
    """Amounts with their tones, one after the other, as shares of the whole; what exceeds it is cut
    off."""
    drawn: list[Part] = []
    x = 0.0
    for amount, tone in parts:
        width = min(100 - x, 100 * max(0.0, amount) / whole) if whole > 0 else 0.0
        if width > 0:
            drawn.append(Part(round(x, 2), round(width, 2), tone))
        x += width
    return Meter(sentence, drawn)


def draw_slots(busy: int, total: int) -> Slots:
    """The slots of a node."""
    cells = [(number * 8, number < busy) for number in range(total)]
    return Slots(f"{busy} of {format_count(total, 'slot')} busy", max(6, total * 8 - 2), cells)
