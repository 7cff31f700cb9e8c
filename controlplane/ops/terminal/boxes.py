"""What lies over the lists: details, the question before an action, the keys, the last line."""

from controlplane.core.console.cells import Line, width_of, wrap
from controlplane.ops.terminal.state import State

_LABEL = 16
_MAX_TEXT = 12  # lines of one text
KEYS = (
    ("Tab, 1 2 3", "Queues, nodes, failures."),
    ("↑ ↓ j k", "Choose a row; Page Up, Page Down, Home and End go further."),
    ("Enter", "Everything about the row; Esc goes back."),
    ("/", "Show only rows that hold a text; Esc shows all."),
    ("s, S", "Sort by the next column; the other way round."),
    ("p", "Pause the queue, or resume it."),
    ("d", "Drain the node."),
    ("r", "Reprocess the group of failures, or stop its replay."),
    ("R", "Reprocess it all at once, without a canary."),
    ("u", "Undo the last action, where that is possible."),
    ("space", "Hold the figures still, and let them go on."),
    ("q", "Quit. Ctrl-Z stops it for a while, `fg` brings it back."),
)


def draw_help(width: int, room: int) -> list[Line]:
    """The keys."""
    lines = []
    for keys, text in KEYS:
        line = Line(width)
        line.put(2, keys, "bold", width=12)
        line.put(16, text)
        lines.append(line)
    return _filled(lines, width, room)


def list_detail(state: State, width: int) -> list[tuple[str, str]]:
    """The detail as lines that fit."""
    found: list[tuple[str, str]] = []
    for label, text in state.detail:
        if not text:
            continue
        parts = wrap(text, width - _LABEL - 4, _MAX_TEXT)
        found += [(label if not number else "", part) for number, part in enumerate(parts)]
    return found


def draw_detail(state: State, width: int, room: int) -> list[Line]:
    """Everything about one row."""
    title = Line(width)
    title.put(1, state.detail_title, "bold underline", width=width - 2)
    rows = list_detail(state, width)
    state.scroll = max(0, min(state.scroll, len(rows) - (room - 2)))
    lines = [title]
    for label, text in rows[state.scroll : state.scroll + room - 2]:
        line = Line(width)
        line.put(2, label, "quiet", width=_LABEL - 1)
        line.put(2 + _LABEL, text)
        lines.append(line)
    below = len(rows) - state.scroll - (room - 2)
    lines = _filled(lines, width, room)
    if below > 0:
        lines[-1].put(2, f"{below} more lines below", "quiet")
    return lines


def draw_question(state: State, width: int, room: int) -> list[Line]:
    """The second look, at the bottom of the lists."""
    question = state.question
    if question is None:
        return []
    texts = [(text, "bold") for text in wrap(question.title, width - 4, 2)]
    texts += [(text, "") for text in wrap(question.consequence, width - 4, 4)]
    if question.names:
        number = len(question.names)
        first = f"The first {number} of {question.count:,}" if number < question.count else "All"
        names = f"{first}: {', '.join(question.names)}"
        texts += [(text, "quiet") for text in wrap(names, width - 4, 4)]
    lines = [Line(width)]
    lines[0].put(0, "─" * width, "late")
    for text, style in texts[: max(1, room - 6)]:
        line = Line(width)
        line.put(2, text, style)
        lines.append(line)
    prompt = Line(width)
    at = prompt.put(2, "Reason: " if question.reason_needed else "Reason (may be empty): ", "late")
    _put_typed(prompt, at, state.typed)
    keys = Line(width)
    at = keys.put(2, f"Enter: {question.verb}", "bold")
    keys.put(at + 3, "Esc: leave everything as it is", "quiet")
    return [*lines, prompt, keys]


def draw_footer(state: State, width: int) -> list[Line]:
    """A sentence about what happened, and the keys."""
    message, keys = Line(width), Line(width)
    text, style = state.shown_message(), "bad" if state.is_refusal else "good"
    if state.busy:
        text, style = f"{state.busy} …", "quiet"
    undo = f"   u: {state.undo.title}" if state.undo is not None and text else ""
    undo = undo if width_of(undo) < width // 2 else "   u: undo"
    room = max(1, width - 2 - width_of(undo))
    end = message.put(1, text, style, width=min(room, max(1, width_of(text))))
    message.put(end, undo, "accent")
    if state.mode == "filter":
        at = keys.put(1, "/", "bold accent")
        _put_typed(keys, at, state.typed)
        return [message, keys]
    at = 1
    for key, word in _keys_of(state):
        at = keys.put(at, key, "bold")
        at = keys.put(at + 1, word, "quiet") + 2
    return [message, keys]


def _keys_of(state: State) -> list[tuple[str, str]]:
    if state.mode == "question":
        return [("Enter", "confirm"), ("Esc", "leave")]
    if state.mode in ("detail", "help"):
        return [("Esc", "back"), ("↑↓", "scroll"), ("q", "quit")]
    action = (("p", "pause, resume"), ("d", "drain"), ("r", "reprocess"))[state.active]
    keys = [action, ("Enter", "details"), ("/", "filter"), ("s", "sort"), ("Tab", "next list")]
    held = [("space", "go on")] if state.is_frozen else []
    return [*keys, *held, ("?", "keys"), ("q", "quit")]


def _put_typed(line: Line, at: int, typed: str) -> None:
    """The end of what was typed, with a cursor."""
    room = line.width - at - 2
    shown = typed
    while width_of(shown) > room:
        shown = shown[1:]
    end = line.put(at, shown)
    line.put(end, " ", "selected")


def _filled(lines: list[Line], width: int, room: int) -> list[Line]:
    return [*lines, *(Line(width) for _ in range(room - len(lines)))][:room]
