"""The geometry of charts: pure functions from figures to what a template, or charts.js, draws.

A plot is SVG without a viewBox. Its lines lie in an inner one of 1,000 units that the browser
stretches to any width, and its texts outside of that, at percent of the width: so one drawing fits
every width, and no text is squeezed. A gap of the figures stays a gap of the line.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, tzinfo
from functools import lru_cache
from typing import Any

from controlplane.core.admin import scales
from controlplane.core.admin.labels import (
    LINE_HEIGHT,
    Text,
    anchor_at,
    begin_at_names,
    move_apart,
    name_marks,
    room_for,
)
from controlplane.core.admin.paths import Values, area, excess, line, stepped
from controlplane.core.admin.scales import WIDTH, Scale, Tick, shorten
from controlplane.core.formatting import EMPTY
from controlplane.core.visibletext import isolated_text

MAX_BUCKETS = 720
_FORM = "%Y-%m-%d %H:%M %Z"
_FEW_TICKS = 5  # of a narrow chart
_ROOM_OF_LAST = 28  # percent of the width of such a one

Write = Callable[[float], str]


@dataclass(frozen=True, slots=True)
class Series:
    """Named values, one for each time of the chart. `tone`: a colour of charts.css, such as
    `failed`, `series` (ink) or `soft` (grey). `style`: any of `bold`, `thin`, `dash`, `dot`."""

    label: str
    values: Values
    tone: str = "series"
    style: str = ""
    has_area: bool = False
    is_stepped: bool = False  # holds its value until the next, as a number of workers does
    is_strong: bool = False  # the one that the page is about


@dataclass(frozen=True, slots=True)
class Event:
    """What happened at a moment: a dotted line across the chart."""

    at: datetime
    label: str


@dataclass(frozen=True, slots=True)
class Objective:
    """A dashed line; where `series` is above it, the area between is tinted."""

    value: float
    label: str = ""
    series: int | None = None


@dataclass(frozen=True, slots=True)
class Path:
    """One path of the inner SVG, with its classes."""

    css: str
    d: str


@dataclass(frozen=True, slots=True)
class Legend:
    """A series in the legend with its newest known value, or what the lines of events are."""

    css: str
    text: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Everything that is drawn. `sentence` says in words what the drawing shows; `columns` and
    `rows` have the same figures as a table."""

    sentence: str
    height: int
    width: int
    grid: list[Tick]
    paths: list[Path]
    target: float | None
    marks: list[Tick]
    texts: list[Text]
    right: list[Text]
    axis: list[Text]
    legend: list[Legend]
    times: list[int]  # in milliseconds since 1970, of the buckets' beginnings
    columns: list[str]
    rows: list[list[str]]

    def to_json(self) -> dict[str, Any]:
        """What charts.js draws."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Frame:
    """What the series of a chart share. `end`: where the axis of time ends, if not at the last
    time. `write`: a value in words. `events_title`: what the legend calls the events; empty: they
    are not in it."""

    times: Sequence[datetime]
    zone: tzinfo
    write: Write
    sentence: str
    height: int = 172
    end: datetime | None = None
    events: Sequence[Event] = ()
    events_title: str = ""
    objective: Objective | None = None
    is_logarithmic: bool = False
    lowest: float = 0.1  # of a logarithmic axis
    has_labels: bool = False  # names at the ends of the lines, instead of a legend
    has_axis: bool = True
    max_ticks: int = 7


def draw_chart(frame: Frame, series: Sequence[Series]) -> Chart:
    """A line chart over time. Raises ValueError: there are more than MAX_BUCKETS times, or a series
    has another number of values than there are times."""
    _check(frame, series)
    xs = _positions(frame)
    begin, end = _span(frame)
    marks = [
        Tick(scales.time_position(event.at, begin, end), event.label)
        for event in frame.events
        if begin <= event.at <= end
    ]
    names = name_marks(marks)
    scale = _scale(frame, series, room_for(names))
    objective = frame.objective
    return Chart(
        sentence=frame.sentence,
        height=frame.height,
        width=WIDTH,
        grid=scales.ticks(scale, frame.write, parts=2 if frame.height < 160 else 4),
        paths=_paths(xs, series, scale, objective),
        target=None if objective is None else scale(objective.value),
        marks=begin_at_names(marks, names),
        texts=[*names, *_objective_text(objective, scale)],
        right=_right_labels(series, scale) if frame.has_labels else [],
        axis=_axis(begin, end, frame) if frame.times and frame.has_axis else [],
        legend=[] if frame.has_labels else _legend(frame, series),
        times=[int(at.timestamp() * 1_000) for at in frame.times],
        columns=["Time", *(each.label for each in series)],
        rows=_rows(frame, series),
    )


def _check(frame: Frame, series: Sequence[Series]) -> None:
    if len(frame.times) > MAX_BUCKETS:
        raise ValueError(f"A chart has at most {MAX_BUCKETS} times, not {len(frame.times)}.")
    for each in series:
        if len(each.values) != len(frame.times):
            raise ValueError(f"{each.label!r} needs one value for each of the chart's times.")


def _scale(frame: Frame, series: Sequence[Series], top: float) -> Scale:
    values = [value for each in series for value in each.values]
    least = 0.0 if frame.objective is None else frame.objective.value
    if frame.is_logarithmic:
        return scales.logarithmic(values, frame.height, lowest=frame.lowest, least=least, top=top)
    return scales.linear(values, frame.height, least=least, top=top)


def _span(frame: Frame) -> tuple[datetime, datetime]:
    if not frame.times:
        moment = frame.end or datetime.now(frame.zone)
        return moment, moment
    return frame.times[0], frame.end or frame.times[-1]


def _positions(frame: Frame) -> list[float]:
    begin, end = _span(frame)
    return [shorten(scales.time_position(at, begin, end) * WIDTH / 100) for at in frame.times]


def _paths(
    xs: Sequence[float], series: Sequence[Series], scale: Scale, objective: Objective | None
) -> list[Path]:
    """Areas below, then lines, the one that the page is about on top."""
    found = []
    if objective is not None and objective.series is not None:
        values = series[objective.series].values
        found.append(Path("excess", excess(xs, values, scale, objective.value)))
    ordered = sorted(series, key=lambda each: each.is_strong)
    for each in ordered:
        draw = stepped if each.is_stepped else line
        if each.has_area:
            found.append(Path(f"chart-area tone-{each.tone}", area(xs, each.values, scale, draw)))
    for each in ordered:
        draw = stepped if each.is_stepped else line
        found.append(Path(_line_css(each), draw(xs, each.values, scale)))
    return found


def _objective_text(objective: Objective | None, scale: Scale) -> list[Text]:
    if objective is None or not objective.label:
        return []
    y = scale(objective.value) - 5
    return [Text(0, y if y > LINE_HEIGHT else y + 18, objective.label)]


def _right_labels(series: Sequence[Series], scale: Scale) -> list[Text]:
    """The names at the ends of the lines."""
    ends = []
    for each in series:
        if known := scales.only_numbers(each.values):
            css = "chart-note strong" if each.is_strong else "chart-note"
            ends.append(Text(0, scale(known[-1]) + 4, each.label, css=css))
    return move_apart(ends, scale.height)


def _axis(begin: datetime, end: datetime, frame: Frame) -> list[Text]:
    found = []
    ticks = scales.time_ticks(begin, end, frame.zone, most=frame.max_ticks)
    for number, tick in enumerate(ticks):
        anchor = anchor_at(tick.position)
        # The last text names the zone, and needs the room of two.
        is_close = number == len(ticks) - 2 and ticks[-1].position - tick.position < _ROOM_OF_LAST
        if not (is_close and len(ticks) > 2 and frame.max_ticks <= _FEW_TICKS):
            found.append(Text(tick.position, 14, tick.text, css="", anchor=anchor))
    return found


def _legend(frame: Frame, series: Sequence[Series]) -> list[Legend]:
    found = []
    for each in series:
        known = scales.only_numbers(each.values)
        shown = frame.write(known[-1]) if known else EMPTY
        found.append(Legend(_line_css(each), f"{isolated_text(each.label)} {shown}"))
    return [*found, Legend("mark", frame.events_title)] if frame.events_title else found


def _line_css(series: Series) -> str:
    return f"chart-line tone-{series.tone} {series.style}".strip()


def _write(value: float | None, write: Write) -> str:
    return EMPTY if value is None or not math.isfinite(value) else write(value)


@lru_cache(maxsize=2 * MAX_BUCKETS)
def _clock(at: datetime, zone: tzinfo) -> str:
    """Kept, since the charts of a page have the same times."""
    return at.astimezone(zone).strftime(_FORM)


def _rows(frame: Frame, series: Sequence[Series]) -> list[list[str]]:
    return [
        [
            _clock(at, frame.zone),
            *(_write(each.values[number], frame.write) for each in series),
        ]
        for number, at in enumerate(frame.times)
    ]


@dataclass(frozen=True, slots=True)
class Spark:
    """A small line without axes. `sentence` says what it shows."""

    sentence: str
    height: int
    paths: list[Path] = field(default_factory=list)
    target: float | None = None

    def to_json(self) -> dict[str, Any]:
        """What charts.js draws."""
        return asdict(self)


def draw_spark(
    values: Values,
    sentence: str,
    *,
    tone: str = "series",
    height: int = 28,
    target: float | None = None,
) -> Spark:
    """A line with its area. Raises ValueError: there are more than MAX_BUCKETS values."""
    if len(values) > MAX_BUCKETS:
        raise ValueError(f"A line has at most {MAX_BUCKETS} values, not {len(values)}.")
    known = scales.only_numbers(values)
    highest = max([*known, target or 0.0])
    scale = Scale(0.0, highest * 1.08 if highest > 0 else 1.0, height)
    step = WIDTH / max(1, len(values) - 1)
    xs = [shorten(number * step) for number in range(len(values))]
    return Spark(
        sentence=sentence,
        height=height,
        paths=[
            Path(f"chart-area tone-{tone}", area(xs, values, scale)),
            Path(f"chart-line tone-{tone}", line(xs, values, scale)),
        ],
        target=None if target is None else scale(target),
    )
