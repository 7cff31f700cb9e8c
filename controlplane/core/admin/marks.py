"""What happened beside the figures of a chart: what of it is marked, and how many of which kind are
not. Pure functions."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from controlplane.core.admin.charts import Event

# By kind: its rank and its noun, for one and for several. What explains most comes first; of a rank
# the newest.
_KINDS = {
    "release": (0, "release", "releases"),
    "version": (0, "version of Taskplane", "versions of Taskplane"),
    "lost": (1, "lost node", "lost nodes"),
    "pause": (2, "pause or resumption of a queue", "pauses and resumptions of queues"),
    "override": (3, "manual override", "manual overrides"),
    "scaling": (3, "change of the number of workers", "changes of the number of workers"),
}


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that may have changed the figures; `kind` is a key of _KINDS."""

    at: datetime
    kind: str
    words: str


@dataclass(frozen=True, slots=True)
class Choice:
    """Marks in the order of time, and the others in words, such as `14 more changes of the number
    of workers`; empty if all are chosen."""

    marks: list[Mark]
    left_out: str

    @property
    def events(self) -> list[Event]:
        """For a chart."""
        return [Event(mark.at, mark.words) for mark in self.marks]

    def describe(self, title: str) -> str:
        """`title` names what the dotted lines of a chart are."""
        return f"{title}; not marked: {self.left_out}" if self.left_out else title


def choose_marks(found: Sequence[Mark], most: int, *, cut: Collection[str] = ()) -> Choice:
    """The `most` that explain most. `cut`: kinds of which there are more than were found."""
    by_rank = sorted(found, key=lambda mark: (_KINDS[mark.kind][0], -mark.at.timestamp()))
    chosen, others = by_rank[:most], Counter(mark.kind for mark in by_rank[most:])
    shown = {mark.kind for mark in chosen}
    parts = [
        _count(kind, others[kind], is_shown=kind in shown, is_cut=kind in cut)
        for kind in _KINDS
        if others[kind] or kind in cut
    ]
    return Choice(sorted(chosen, key=lambda mark: mark.at), _join(parts))


def _count(kind: str, number: int, *, is_shown: bool, is_cut: bool) -> str:
    _, one, several = _KINDS[kind]
    if not number:
        return f"perhaps more {several}"
    words = f"{number:,}{' more' if is_shown else ''} {one if number == 1 else several}"
    return f"at least {words}" if is_cut else words


def _join(parts: Sequence[str]) -> str:
    *first, last = parts or [""]
    return f"{', '.join(first)} and {last}" if first else last
