"""The attempts of a task on one line of time: geometry in percent of its width. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from controlplane.core.formatting import format_count, format_duration

_MIN_WIDTH = 0.4
_LETTER_WIDTH = 0.85  # percent of the line
_NUMBERED_WIDTH = 2.5
_NO_BACK_OFF = frozenset({"LOST", "INTERRUPTED", "SNOOZED"})
_WORDS = {"wait": "waited", "hold": "not ready for", "pause": "back-off"}


@dataclass(frozen=True, slots=True)
class Span:
    """An attempt: when it ran, how long it had been ready before, how it ended; `is_open` while it
    runs."""

    number: int
    started_at: datetime
    finished_at: datetime
    waited: timedelta
    outcome: str
    is_open: bool = False


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of the line. `kind` is wait, hold or run; `outcome` belongs to an attempt."""

    kind: str
    x: float
    width: float
    label: str = ""
    outcome: str = ""

    @property
    def middle(self) -> float:
        return round(self.x + self.width / 2, 2)


@dataclass(frozen=True, slots=True)
class Tick:
    x: float
    clock: str
    anchor: str
    word: str = ""


@dataclass(frozen=True, slots=True)
class Timeline:
    segments: Sequence[Segment]
    ticks: Sequence[Tick]
    label: str


def draw_timeline(
    created_at: datetime, spans: Sequence[Span], end: datetime, end_word: str, *, seen_at: datetime
) -> Timeline | None:
    """The line from the creation, or from the first span that is shown, to the end, as seen at a
    moment; None without an attempt. Spans are in order."""
    if not spans:
        return None
    first = spans[0]
    begin = created_at if first.number == 1 else first.started_at - first.waited
    begin = min(begin, first.started_at)
    end = max(end, *(span.finished_at for span in spans))
    length = max((end - begin).total_seconds(), 0.001)

    def place(moment: datetime) -> float:
        share = (moment - begin).total_seconds() / length
        return round(100 * min(1.0, max(0.0, share)), 2)

    segments = [
        _segment(kind, place(start), place(stop), stop - start, span)
        for kind, start, stop, span in _parts(begin, spans)
        if stop > start or kind == "run"
    ]
    if end > spans[-1].finished_at and not spans[-1].is_open:
        tail = spans[-1].finished_at
        segments.append(_segment("hold", place(tail), 100.0, end - tail, None))
    word = "created" if first.number == 1 else ""
    marks = [(0.0, begin, "start", word), (100.0, end, "end", end_word)]
    middle = next((s.started_at for s in spans if 30 <= place(s.started_at) <= 70), None)
    if middle is not None:
        marks.insert(1, (place(middle), middle, "middle", ""))
    clocks = _write_clocks([at for _, at, *_ in marks], seen_at)
    ticks = [
        Tick(x, clock, anchor, word)
        for (x, _, anchor, word), clock in zip(marks, clocks, strict=True)
    ]
    return Timeline(segments, ticks, _describe(begin, spans))


def _write_clocks(moments: Sequence[datetime], seen_at: datetime) -> list[str]:
    """The times of day. One has its date unless that is the date of the one before, for the first
    that of `seen_at`; the first date names the zone."""
    known, zone = seen_at.astimezone(UTC).date(), " UTC"
    found = []
    for moment in (each.astimezone(UTC) for each in moments):
        if moment.date() == known:
            found.append(f"{moment:%H:%M:%S}")
        else:
            # Without seconds both ends fit on a phone.
            found.append(f"{moment:%Y-%m-%d %H:%M}{zone}")
            known, zone = moment.date(), ""
    return found


def _parts(
    begin: datetime, spans: Sequence[Span]
) -> Iterator[tuple[str, datetime, datetime, Span | None]]:
    before, has_failed = begin, False
    for span in spans:
        ready = max(before, span.started_at - span.waited)
        if ready > before:
            yield "pause" if has_failed else "hold", before, ready, None
        yield "wait", ready, span.started_at, None
        yield "run", span.started_at, span.finished_at, span
        before, has_failed = span.finished_at, span.outcome not in _NO_BACK_OFF


def _segment(kind: str, x: float, stop: float, length: timedelta, span: Span | None) -> Segment:
    width = round(max(stop - x, _MIN_WIDTH if kind == "run" else 0.0), 2)
    x = min(x, round(100 - width, 2))
    if span is not None:
        label = f"#{span.number}" if width >= _NUMBERED_WIDTH else ""
        return Segment(kind, x, width, label, span.outcome)
    words = _WORDS[kind]
    label = f"{words} {format_duration(length.total_seconds())}"
    shown = label if width >= _LETTER_WIDTH * len(label) else ""
    return Segment("hold" if kind == "pause" else kind, x, width, shown)


def _describe(begin: datetime, spans: Sequence[Span]) -> str:
    parts = [f"Timeline of {format_count(len(spans), 'attempt')}"]
    for kind, start, stop, span in _parts(begin, spans):
        length = format_duration((stop - start).total_seconds())
        if span is not None:
            word = span.outcome.replace("_", " ").lower()
            parts.append(f"attempt {span.number} {word} after {length}")
        elif stop > start:
            parts.append(f"{_WORDS[kind]} {length}")
    return ", ".join(parts)
