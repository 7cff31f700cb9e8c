"""What a person has chosen, typed and was answered; without a terminal and without a database."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from controlplane.ops.terminal.details import Detail
from controlplane.ops.terminal.panes import KINDS
from controlplane.ops.terminal.snapshot import Snapshot
from controlplane.ops.terminal.table import Kind, select

if TYPE_CHECKING:
    from controlplane.ops.terminal.actions import Question, Undo

_MESSAGE_SECONDS = 30.0
MAX_TYPED = 500


@dataclass(slots=True)
class Pane:
    """One list: which row is chosen, by its key; the first row that is shown; sort and filter."""

    kind: Kind
    number: int
    chosen: str = ""
    position: int = 0
    first: int = 0
    sort: int = -1
    is_reversed: bool = False
    search: str = ""
    page: int = 10  # rows that were shown last

    def rows(self, snapshot: Snapshot | None) -> list[Any]:
        """The rows in their order."""
        if snapshot is None:
            return []
        every: Sequence[Any] = (snapshot.queues, snapshot.nodes, snapshot.groups)[self.number]
        return select(self.kind, every, self.sort, self.search, is_reversed=self.is_reversed)

    def find(self, rows: Sequence[Any]) -> int:
        """The place of the chosen row; where it was, if it is gone. -1 without rows."""
        for number, row in enumerate(rows):
            if row.key == self.chosen:
                self.position = number
                return number
        self.position = max(0, min(self.position, len(rows) - 1))
        return self.position if rows else -1

    def move(self, rows: Sequence[Any], steps: int) -> None:
        """Choose another row."""
        if rows:
            self.position = min(max(self.find(rows) + steps, 0), len(rows) - 1)
            self.chosen = rows[self.position].key

    def current(self, snapshot: Snapshot | None) -> Any:
        """The chosen row, or None."""
        rows = self.rows(snapshot)
        return rows[self.find(rows)] if rows else None


@dataclass(slots=True)
class State:
    """`mode`: list, filter, question, detail or help. `problem`: why there is no new snapshot."""

    panes: list[Pane] = field(
        default_factory=lambda: [Pane(kind, number) for number, kind in enumerate(KINDS)]
    )
    active: int = 0
    mode: str = "list"
    snapshot: Snapshot | None = None
    problem: str = ""
    message: str = ""
    is_refusal: bool = False
    shown_at: float = 0.0
    busy: str = ""
    undo: "Undo | None" = None
    question: "Question | None" = None
    typed: str = ""
    detail: Detail = field(default_factory=list)
    detail_title: str = ""
    scroll: int = 0
    is_frozen: bool = False

    @property
    def pane(self) -> Pane:
        return self.panes[self.active]

    def say(self, text: str, *, is_refusal: bool = False) -> None:
        """Show a sentence for a while."""
        self.message, self.is_refusal = text, is_refusal
        self.shown_at = time.monotonic()
        self.busy = ""

    def shown_message(self) -> str:
        """The sentence, until it is old."""
        is_old = time.monotonic() - self.shown_at > _MESSAGE_SECONDS
        return "" if is_old else self.message
