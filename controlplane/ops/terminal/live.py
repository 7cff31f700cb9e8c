"""The live screen: keys change the state, the worker brings figures and outcomes, and what has
changed is drawn. Between two snapshots nothing runs unless somebody presses a key."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from controlplane.core.console.keys import Paste
from controlplane.core.console.screen import Screen
from controlplane.core.errors import DomainError
from controlplane.core.requests import stating_reason
from controlplane.ops.terminal.actions import (
    Done,
    Question,
    ask_drain,
    ask_pause,
    ask_reprocess,
)
from controlplane.ops.terminal.details import DESCRIBE, Detail
from controlplane.ops.terminal.layout import draw_screen, is_stale, is_too_small
from controlplane.ops.terminal.snapshot import Snapshot, SnapshotReader
from controlplane.ops.terminal.state import MAX_TYPED, Pane, State
from controlplane.ops.terminal.worker import Job, Worker

_QUEUES, _NODES, _FAILURES = range(3)
_PANE_OF = {"p": _QUEUES, "d": _NODES, "r": _FAILURES, "R": _FAILURES}
_STEPS = {"up": -1, "k": -1, "down": 1, "j": 1}


class Live:
    """One person at one terminal."""

    def __init__(self, screen: Screen, workspace_id: UUID, interval: float) -> None:
        self._screen = screen
        self._workspace_id = workspace_id
        self._interval = interval
        self._state = State()
        self._worker = Worker(SnapshotReader(workspace_id), interval, screen.wake)
        self._has_ended = False
        # Keys that were answered, and how many there were at the newest request to the worker.
        self._pressed = self._newest = 0

    def run(self) -> None:
        """Until the person quits."""
        self._worker.start(self._show, self._fail)
        while not self._has_ended:
            self._draw()
            for key in self._screen.read_keys(self._pause()):
                self.press(key)
            self._worker.collect()

    def _pause(self) -> float | None:
        """How long nothing changes by itself: old figures count their seconds, and a sentence goes
        after a while."""
        if is_stale(self._state, self._interval):
            return 1.0
        return 5.0 if self._state.snapshot is not None or self._state.message else None

    def _draw(self, *, whole: bool = False) -> None:
        width, height = self._screen.size
        lines = draw_screen(self._state, width, height, self._interval)
        if is_stale(self._state, self._interval):
            for line in lines[1:-2]:
                line.fade()
        self._screen.draw(lines, whole=whole)

    def _show(self, snapshot: Snapshot) -> None:
        self._state.problem = ""
        if not self._state.is_frozen:
            self._state.snapshot = snapshot

    def _fail(self, reason: str) -> None:
        self._state.problem = reason

    # ---- keys ----

    def press(self, key: str) -> None:
        """One key."""
        state = self._state
        handlers: dict[str, Callable[[str], None]] = {
            "list": self._press_in_list,
            "filter": self._press_in_filter,
            "question": self._press_in_question,
            "detail": self._press_in_detail,
            "help": self._press_in_detail,
        }
        if is_too_small(*self._screen.size):
            self._has_ended = key == "q"  # nobody sees what another key does
        elif key == "redraw":
            self._draw(whole=True)
        else:
            self._pressed += 1
            handlers[state.mode](key)

    def _press_in_list(self, key: str) -> None:
        pane = self._state.pane
        handlers: dict[str, Callable[[], None]] = {
            "enter": self._open,
            "escape": self._show_all,
            "tab": lambda: self._choose_pane(self._state.active + 1),
            "back tab": lambda: self._choose_pane(self._state.active - 1),
            "/": self._filter,
            "s": lambda: self._sort(pane),
            "S": lambda: self._reverse(pane),
            "u": self._undo,
            " ": self._hold,
            "?": self._help,
            "h": self._help,
            "q": self._end,
        }
        if isinstance(key, Paste):
            return
        if key in handlers:
            handlers[key]()
        elif key in ("1", "2", "3"):
            self._choose_pane(int(key) - 1)
        elif key in _PANE_OF:
            self._ask(key)
        else:
            pane.move(pane.rows(self._state.snapshot), self._steps(key, pane.page))

    def _choose_pane(self, number: int) -> None:
        self._state.active = number % len(self._state.panes)

    def _show_all(self) -> None:
        self._state.pane.search, self._state.message = "", ""

    def _filter(self) -> None:
        self._state.mode, self._state.typed = "filter", self._state.pane.search

    def _sort(self, pane: Pane) -> None:
        is_last = pane.sort + 1 == len(pane.kind.sortable)
        pane.sort = -1 if is_last else pane.sort + 1

    def _reverse(self, pane: Pane) -> None:
        pane.is_reversed = not pane.is_reversed

    def _hold(self) -> None:
        self._state.is_frozen = not self._state.is_frozen
        self._state.say("The figures are held still." if self._state.is_frozen else "")
        self._worker.refresh()

    def _help(self) -> None:
        self._state.mode, self._state.scroll = "help", 0

    def _end(self) -> None:
        self._has_ended = True

    def _steps(self, key: str, page: int) -> int:
        far = {"page up": -page, "page down": page, "home": -(10**6), "g": -(10**6)}
        far |= {"end": 10**6, "G": 10**6}
        return _STEPS.get(key, far.get(key, 0))

    def _press_in_filter(self, key: str) -> None:
        state = self._state
        if key == "escape":
            state.typed, state.mode = "", "list"
        elif key == "enter":
            state.mode = "list"
        else:
            self._type(key)
        state.pane.search = state.typed

    def _press_in_detail(self, key: str) -> None:
        state = self._state
        if key == "q":
            self._has_ended = True
        elif key in ("escape", "enter", "?", "left"):
            state.mode = "list"
        else:
            state.scroll = max(0, state.scroll + self._steps(key, 10))

    def _press_in_question(self, key: str) -> None:
        state, question = self._state, self._state.question
        if key == "escape" or question is None:
            state.mode, state.question = "list", None
            state.say("Nothing was changed.")
        elif key != "enter":
            self._type(key)
        elif question.reason_needed and not state.typed.strip():
            state.say(f"Give a reason: {question.reason_needed}.", is_refusal=True)
        else:
            reason = state.typed.strip()
            state.mode, state.question = "list", None
            self._do(question.verb.capitalize(), lambda: _run_for(reason, question))

    def _type(self, key: str) -> None:
        state = self._state
        if key == "backspace":
            state.typed = state.typed[:-1]
        elif key == "clear line":
            state.typed = ""
        elif isinstance(key, Paste) or len(key) == 1:
            state.typed = (state.typed + key)[:MAX_TYPED]

    # ---- actions ----

    def _ask(self, key: str) -> None:
        state = self._state
        state.active = _PANE_OF[key]
        row = state.pane.current(state.snapshot)
        if row is None:
            state.say("There is nothing to choose.", is_refusal=True)
            return
        if key == "p":
            self._question(ask_pause(self._workspace_id, row))
        elif key == "d":
            try:
                self._question(ask_drain(self._workspace_id, row))
            except DomainError as error:
                state.say(str(error), is_refusal=True)
        else:
            self._read(
                "the group",
                lambda: ask_reprocess(self._workspace_id, row, is_whole=key == "R"),
                self._question,
            )

    def _question(self, question: Question) -> None:
        state = self._state
        state.question, state.typed, state.mode = question, "", "question"
        state.busy = state.message = ""

    def _open(self) -> None:
        state = self._state
        row = state.pane.current(state.snapshot)
        if row is None:
            return
        describe = DESCRIBE[state.active]
        self._read("the row", lambda: describe(self._workspace_id, row), self._show_detail)

    def _show_detail(self, detail: Detail) -> None:
        state = self._state
        state.detail, state.scroll, state.busy, state.mode = detail, 0, "", "detail"
        state.detail_title = f"{state.pane.kind.noun.capitalize()} {detail[0][1]}"

    def _undo(self) -> None:
        undo, self._state.undo = self._state.undo, None
        if undo is None:
            self._state.say("There is nothing to undo.", is_refusal=True)
            return
        self._do(undo.title.capitalize(), lambda: Done(undo.run()))

    def _do(self, title: str, run: Callable[[], Done]) -> None:
        self._state.busy = title
        self._submit(run, self._finish)

    def _finish(self, done: Done) -> None:
        self._state.say(done.text)
        self._state.undo = done.undo
        self._state.is_frozen = False

    def _refuse(self, why: str) -> None:
        self._state.say(why, is_refusal=True)

    def _submit(
        self,
        run: Callable[[], Any],
        done: Callable[[Any], None],
        refused: Callable[[str], None] | None = None,
    ) -> None:
        self._newest = self._pressed
        self._worker.submit(Job(run, done, refused or self._refuse))

    def _read(self, what: str, run: Callable[[], Any], show: Callable[[Any], None]) -> None:
        """Show what is read, unless a key has been pressed since: the answer would replace what
        that key has opened, and the next ones would be for something else than the person sees."""
        asked_at = self._pressed

        def unless_late(answer: Callable[[Any], None]) -> Callable[[Any], None]:
            return lambda found: self._answer(asked_at, what, lambda: answer(found))

        self._state.busy = f"Reading {what}"
        self._submit(run, unless_late(show), unless_late(self._refuse))

    def _answer(self, asked_at: int, what: str, show: Callable[[], None]) -> None:
        if asked_at == self._pressed:
            show()
        elif asked_at == self._newest:  # otherwise what is still under way has the last line
            text = f"You pressed another key while {what} was being read: nothing was opened."
            self._state.say(text, is_refusal=True)


def _run_for(reason: str, question: Question) -> Done:
    """The action, with the reason in each event of the audit log that it writes."""
    with stating_reason(reason):
        return question.run(reason)
