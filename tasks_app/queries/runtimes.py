"""How long a slot is busy with a task."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import connection

from controlplane.core.sql import load_sql
from tasks_app.processors.registry import all_processors
from workers.slots import CAPACITY

MAX_LOOKED_AT = 60_000


@dataclass(frozen=True, slots=True)
class RunTimeGroup:
    """Attempts in one bin: how many, their slot seconds, and these with a cap on each."""

    bin: int
    attempts: int
    seconds: float
    capped: float


@dataclass(frozen=True, slots=True)
class RunTimesFound:
    """`is_cut`: the window held more rows than were looked at, and these are some of them."""

    groups: list[RunTimeGroup]
    is_cut: bool

    @property
    def attempts(self) -> int:
        """In all groups."""
        return sum(group.attempts for group in self.groups)


def group_run_times(
    lanes: Sequence[int], since: datetime, *, newest: int, edges: Sequence[float], cap: float
) -> RunTimesFound:
    """The slot seconds of the newest attempts that ended since then: succeeded, failed or timed
    out, for only these say how long a handler runs. Bin k begins at edge k (seconds, ascending);
    the first also holds what is less. `cap`: seconds."""
    with connection.cursor() as cursor:
        cursor.execute(
            load_sql("tasks_app", "group_run_times"),
            {
                "lanes": list(lanes),
                "since": since,
                "newest": newest,
                "most": MAX_LOOKED_AT,
                "async": list_async_types(),
                "share": async_share(),
                "edges": list(edges),
                "cap": cap,
            },
        )
        (_, looked_at, _, _), *groups = sorted(cursor.fetchall())
    return RunTimesFound([RunTimeGroup(*group) for group in groups], looked_at >= MAX_LOOKED_AT)


def list_async_types() -> list[str]:
    """The task types whose handlers share a slot. A type that nobody knows here counts as one that
    has its slot for itself."""
    return [each.name for each in all_processors() if each.is_async]


def async_share() -> int:
    """How many async handlers one slot holds at once.

    They wait most of the time, and do so together: an async attempt of d seconds takes d divided by
    this of a slot, where a sync one takes d. Counted by its wall time, a thousand calls of a slow
    service would ask for hundreds of workers, and one slot or two hold them all.
    """
    most: int = settings.TASKPLANE["ASYNC_CONCURRENCY"]
    return min(most, CAPACITY)
