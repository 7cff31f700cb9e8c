"""When and where the open letters of a group died."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db.models.fields.json import KeyTextTransform, KeyTransform

from controlplane.core.bounded import bounded_time
from dlq.models import LetterGroup
from dlq.queries.groups import open_letters

MAX_SPREAD = 2_000  # letters that are looked at: those with many attempts are large
MAX_PLACES = 6
_SECONDS = 2.0  # the node is in the attempts, which of large letters are read whole
_MAX_STEPS, _MIN_STEPS = 30, 12
_STEPS = tuple(
    timedelta(minutes=minutes) for minutes in (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1_440)
)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Places:
    """How many letters died on each node (or release, version, queue), the most first; an empty
    name is a place that is not known. `others` are the letters of `more` further places."""

    kind: str
    named: list[tuple[str, int]]
    more: int = 0
    others: int = 0


@dataclass(frozen=True, slots=True)
class Spread:
    """The newest MAX_SPREAD open letters of a group; `has_older`: there are more. `counts` are
    those of each step from `begin` on."""

    total: int
    has_older: bool
    begin: datetime
    step: timedelta
    counts: list[int]
    places: list[Places]


def read_spread(group: LetterGroup) -> Spread | None:
    """None if no letter is open. One statement. Raises Invalid: it takes too long."""
    letters = open_letters(group).order_by("-id")
    node = KeyTextTransform("workerNode", KeyTransform("-1", "attempts"))
    rows = letters.annotate(node=node).values_list(
        "died_at", "node", "worker_release", "worker_version", "queue"
    )
    with bounded_time(_SECONDS, "List its letters."):
        found = list(rows[: MAX_SPREAD + 1])
    if not found:
        return None
    times, *names = zip(*found[:MAX_SPREAD], strict=True)
    begin, step, counts = count_steps(times)
    kinds = ("node", "release", "version", "queue")
    return Spread(
        total=len(times),
        has_older=len(found) > MAX_SPREAD,
        begin=begin,
        step=step,
        counts=counts,
        places=[_count(kind, each) for kind, each in zip(kinds, names, strict=True)],
    )


def count_steps(times: Sequence[datetime]) -> tuple[datetime, timedelta, list[int]]:
    """The first step, the length of each, and how many of the times each has. There are at most
    about thirty steps, which begin at round times (UTC)."""
    first, last = min(times), max(times)
    step = _choose_step(last - first)
    end = _floor(last, step)
    begin = min(_floor(first, step), end - (_MIN_STEPS - 1) * step)
    counts = [0] * (round((end - begin) / step) + 1)
    for at in times:
        counts[int((at - begin) / step)] += 1
    return begin, step, counts


def _choose_step(span: timedelta) -> timedelta:
    most = next((step for step in _STEPS if span / step <= _MAX_STEPS), None)
    return most or _DAY * math.ceil(span / _DAY / _MAX_STEPS)


def _floor(at: datetime, step: timedelta) -> datetime:
    seconds = int(step.total_seconds())
    return datetime.fromtimestamp(int(at.timestamp()) // seconds * seconds, tz=UTC)


def _count(kind: str, names: Iterable[str | None]) -> Places:
    counted = sorted(
        Counter(name or "" for name in names).items(),
        key=lambda each: (-each[1], not each[0], each[0]),  # what is not known last
    )
    named, rest = counted[:MAX_PLACES], counted[MAX_PLACES:]
    return Places(kind, named, len(rest), sum(number for _, number in rest))
