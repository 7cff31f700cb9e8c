"""The whole screen as lines, from the state and the size."""

from collections.abc import Sequence

from controlplane.core.clock import now
from controlplane.core.console.cells import Line, spark, width_of, wrap
from controlplane.core.formatting import (
    EMPTY,
    format_compact,
    format_count,
    format_duration,
    format_percent,
    format_rate,
)
from controlplane.ops.overview.checks import Finding, Harm
from controlplane.ops.overview.situation import describe_lasted
from controlplane.ops.terminal.boxes import draw_detail, draw_footer, draw_help, draw_question
from controlplane.ops.terminal.panes import BAD, GOOD, LATE, PAUSED
from controlplane.ops.terminal.snapshot import Snapshot, Totals, Values
from controlplane.ops.terminal.state import Pane, State
from controlplane.ops.terminal.table import draw_heading, draw_row, place

MIN_WIDTH, MIN_HEIGHT = 60, 16
_ALL_PANES = 40  # lines of a screen that shows the three lists at once
_WIDE = 140  # columns of a screen with lines of the last hour in its head
_LINE = 24
_STALE_SECONDS = 10.0


def draw_screen(state: State, width: int, height: int, interval: float) -> list[Line]:
    """Exactly `height` lines."""
    if is_too_small(width, height):
        return _say_too_small(width, height)
    head = draw_head(state, width, height, interval)
    foot = draw_footer(state, width)
    room = height - len(head) - len(foot)
    if state.mode == "help":
        body = draw_help(width, room)
    elif state.mode == "detail":
        body = draw_detail(state, width, room)
    elif state.mode == "question" and state.question is not None:
        box = draw_question(state, width, room)
        body = [*draw_panes(state, width, room - len(box)), *box]
    else:
        body = draw_panes(state, width, room)
    return [*head, *body, *foot]


def is_too_small(width: int, height: int) -> bool:
    """Whether nothing useful can be shown, and so nothing can be done."""
    return width < MIN_WIDTH or height < MIN_HEIGHT


def _say_too_small(width: int, height: int) -> list[Line]:
    lines = [Line(width) for _ in range(height)]
    words = (
        f"This terminal has {width} columns and {height} lines; "
        f"at least {MIN_WIDTH} and {MIN_HEIGHT} are needed."
    )
    for number, text in enumerate(wrap(words, max(width, 1), height)):
        lines[number].put(0, text)
    return lines


# ---- the head ----


def draw_head(state: State, width: int, height: int, interval: float) -> list[Line]:
    """What is wrong, in sentences; then the figures."""
    snapshot = state.snapshot
    title = Line(width)
    at = title.put(1, "taskplane", "bold accent")
    if snapshot is None:
        title.put(at + 2, state.problem or "reading …", "bad" if state.problem else "quiet")
        return [title, Line(width)]
    at = title.put(at + 2, snapshot.workspace, "bold", width=min(20, width_of(snapshot.workspace)))
    wrong = snapshot.wrong
    words = "nothing is wrong" if not wrong else f"{format_count(wrong, 'thing is', 'things are')}"
    words += " wrong" if wrong else ""
    clock, style = _describe_age(state, snapshot, interval)
    begin = max(at + 2, width - width_of(clock) - 1)
    if at + 3 + width_of(words) < begin:
        title.put(at + 3, words, "bad bold" if wrong else "good")
    title.put(begin, clock, style)
    most = 4 if height < _ALL_PANES else 8
    lines = [title, *_draw_findings(snapshot.findings, width, most)]
    return [*lines, Line(width), *_draw_totals(snapshot.totals, width), Line(width)]


def is_stale(state: State, interval: float) -> bool:
    """Whether the figures are old, for whatever reason."""
    snapshot = state.snapshot
    if snapshot is None:
        return False
    seconds = (now() - snapshot.at).total_seconds()
    return bool(state.problem) or seconds > max(_STALE_SECONDS, 3 * interval)


def _describe_age(state: State, snapshot: Snapshot, interval: float) -> tuple[str, str]:
    if is_stale(state, interval):
        seconds = int((now() - snapshot.at).total_seconds())
        why = state.problem or "No answer from Postgres"
        return f"{why}: figures of {seconds:,} s ago", "bad bold"
    return f"{snapshot.at:%H:%M:%S} UTC", "quiet"


def _draw_findings(findings: Sequence[Finding], width: int, most: int) -> list[Line]:
    """What is wrong first; what is well again has room if there is any."""
    ordered = sorted(findings, key=lambda finding: finding.well_since is not None)
    shown = ordered[: most if len(findings) <= most else most - 1]
    lines = []
    for finding in shown:
        line = Line(width)
        sign, style = _sign(finding)
        line.put(1, sign, style, width=1)
        since = "well again" if finding.well_since else describe_lasted(finding, now())
        room = width - 5 - width_of(since)
        text = _without_isolates(f"{finding.subject} {finding.says} {finding.why}".rstrip())
        line.put(3, text, style if style == "quiet" else "", width=max(room, 1))
        line.put(width - width_of(since) - 1, since, "quiet")
        lines.append(line)
    if len(findings) > len(shown):
        rest = Line(width)
        rest.put(3, f"and {len(findings) - len(shown)} more: see the overview", "quiet")
        lines.append(rest)
    return lines


def _sign(finding: Finding) -> tuple[str, str]:
    if finding.well_since is not None:
        return GOOD, "quiet"
    if finding.harm == Harm.PAUSED:
        return PAUSED, "late"
    return (BAD if finding.harm in (Harm.STANDSTILL, Harm.FAILING) else LATE), "bad"


def _without_isolates(text: str) -> str:
    """Those of `isolated_text`: here nothing is reordered."""
    return text.replace("\u2068", "").replace("\u2069", "")


def _draw_totals(totals: Totals, width: int) -> list[Line]:
    """A label over each figure; on a wide screen with the line of its last hour."""
    late = (totals.oldest_seconds or 0) > totals.objective_seconds
    rate = totals.failed / totals.ended if totals.ended else None
    figures: list[tuple[str, str, str, Values]] = [
        ("oldest wait", format_duration(totals.oldest_seconds), "bad" if late else "", []),
        ("waiting", format_compact(totals.waiting), "", totals.waiting_line),
        ("running", f"{format_compact(totals.running)} of {totals.slots:,}", "", []),
        ("done", format_rate(totals.done_per_second), "", totals.done_line),
        ("failed, 1 h", EMPTY if rate is None else format_percent(rate), "", []),
        ("dead letters", f"{'≥ ' * totals.is_estimate}{format_compact(totals.letters)}", "",
         totals.letters_line),
    ]  # fmt: skip
    share = (width - 2) // len(figures)
    labels, values = Line(width), Line(width)
    for number, (label, value, style, series) in enumerate(figures):
        at = 1 + number * share
        labels.put(at, label, "quiet", width=share - 1)
        end = values.put(at, value, f"bold {style}".strip())
        room = at + share - 2 - (end + 1)
        if width >= _WIDE and series and room >= 8:
            values.put(end + 1, spark(series, min(_LINE, room)).lstrip(), "accent")
    return [labels, values]


# ---- the lists ----


def draw_panes(state: State, width: int, room: int) -> list[Line]:
    """The chosen list, or on a high screen all three."""
    tabs = _draw_tabs(state, width)
    if room < _ALL_PANES - 10:
        return [tabs, *_draw_pane(state, state.pane, width, room - 1)]
    sizes = _share(state, room)
    lines = []
    for pane, size in zip(state.panes, sizes, strict=True):
        lines += [_draw_title(state, pane, width), *_draw_pane(state, pane, width, size - 1)]
    return lines


def _share(state: State, room: int) -> list[int]:
    """The lines of each list: what it needs, and the rest to those that need more."""
    needs = [max(1, len(pane.rows(state.snapshot))) + 3 for pane in state.panes]
    sizes = [min(need, room // 3) for need in needs]
    for number in (state.active, 0, 2, 1):
        spare = room - sum(sizes)
        sizes[number] += min(spare, max(0, needs[number] - sizes[number]))
    sizes[2] += room - sum(sizes)
    return sizes


def _title_of(state: State, pane: Pane) -> str:
    rows, every = len(pane.rows(state.snapshot)), _count(state, pane)
    if state.snapshot is None:
        return f"{pane.number + 1} {pane.kind.title}"
    more = "+" if pane.number == 2 and state.snapshot.has_more_groups else ""
    counted = f"{rows:,} of {every:,}{more}" if pane.search else f"{every:,}{more}"
    return f"{pane.number + 1} {pane.kind.title} {counted}"


def _count(state: State, pane: Pane) -> int:
    snapshot = state.snapshot
    if snapshot is None:
        return 0
    return len((snapshot.queues, snapshot.nodes, snapshot.groups)[pane.number])


def _draw_tabs(state: State, width: int) -> Line:
    line, at = Line(width), 1
    for pane in state.panes:
        is_active = pane is state.pane
        text = _title_of(state, pane)
        at = line.put(at, text, "bold underline" if is_active else "quiet") + 3
    _put_order(line, state.pane)
    return line


def _draw_title(state: State, pane: Pane, width: int) -> Line:
    line = Line(width)
    is_active = pane is state.pane
    line.put(1, _title_of(state, pane), "bold underline" if is_active else "quiet")
    _put_order(line, pane)
    return line


def _put_order(line: Line, pane: Pane) -> None:
    parts = [f"filter: {pane.search}"] if pane.search else []
    if pane.sort >= 0 or pane.is_reversed:
        title = pane.kind.sortable[pane.sort].title if pane.sort >= 0 else "harm"
        parts.append(f"by {title}{', reversed' if pane.is_reversed else ''}")
    text = "   ".join(parts)
    line.put(max(1, line.width - min(width_of(text), line.width - 2) - 1), text, "accent")


def _draw_pane(state: State, pane: Pane, width: int, room: int) -> list[Line]:
    rows = pane.rows(state.snapshot)
    placed = place(pane.kind.columns, width - 2)
    lines = [draw_heading(placed, width)]
    shown = pane.page = max(1, room - 2)
    if not rows:
        empty = Line(width)
        words = f"Nothing matches “{pane.search}”." if pane.search else pane.kind.empty
        empty.put(2, words if state.snapshot else "", "quiet")
        lines.append(empty)
    chosen = pane.find(rows)
    pane.first = min(max(pane.first, chosen - shown + 1, 0), max(0, chosen))
    for number, row in enumerate(rows[pane.first : pane.first + shown], pane.first):
        is_chosen = number == chosen and pane is state.pane
        lines.append(draw_row(pane.kind, placed, row, width, chosen=is_chosen))
    below = len(rows) - pane.first - shown
    if below > 0:
        more = Line(width)
        more.put(2, f"{below:,} more below", "quiet")
        lines.append(more)
    lines += [Line(width) for _ in range(room - len(lines))]
    return lines[:room]
