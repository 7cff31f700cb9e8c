"""How long a slot is busy with a task."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import connection

from controlplane.core.sql import load_sql
from tasks_app.processors.registry import all_processors
from workers.slots import CAPACITY

_MOST_LOOKED_AT = 20_000


@dataclass(frozen=True, slots=True)
class RunTimesFound:
    """Slot seconds of single attempts, newest first. `is_cut`: the window held more rows than were
    looked at."""

    seconds: list[float]
    is_cut: bool


def list_run_times(lanes: Sequence[int], since: datetime, *, newest: int) -> RunTimesFound:
    """The slot seconds of the newest attempts that ended since then: succeeded, failed or timed
    out, for only these say how long a handler runs. Where the window `is_cut`, they are some of
    it."""
    with connection.cursor() as cursor:
        cursor.execute(
            load_sql("tasks_app", "list_run_times"),
            {"lanes": list(lanes), "since": since, "newest": newest, "most": _MOST_LOOKED_AT},
        )
        looked_at, types, wall = cursor.fetchone()
    shared, slots = set(list_async_types()), async_share()
    seconds = [
        time / slots if kind in shared else time for kind, time in zip(types, wall, strict=True)
    ]
    return RunTimesFound(seconds, looked_at >= _MOST_LOOKED_AT)


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
