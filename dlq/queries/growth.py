"""How the number of open letters grew: from their deaths and resolutions, without samples."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection

from controlplane.core.sql import load_sql
from dlq.queries.letters import MAX_CHANGES

MAX_COUNTED = 100_000  # letters of one kind: more would take too long
_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True, slots=True)
class LetterGrowth:
    """`open`: letters that are open now. `series`: those that were open at each minute of the last
    hour, the newest last. `new`: deaths of the last hour by type; `before`: deaths of the 24 hours
    before it, by type. `is_estimate`: more than MAX_COUNTED of something were counted, so
    all is unknown or too few."""

    open: int
    series: list[int]
    new: dict[str, int]
    before: dict[str, int]
    is_estimate: bool

    @property
    def an_hour_ago(self) -> int | None:
        """How many were open then."""
        return None if self.is_estimate or not self.series else self.series[0]


def read_growth(workspace_id: UUID, at: datetime) -> LetterGrowth:
    """The letters of a workspace. One statement."""
    hour = at.replace(second=0, microsecond=0) - _HOUR
    parts: dict[str, dict[datetime | None, int]] = {
        kind: {} for kind in ("open", "rows", "died", "resolved")
    }
    new: dict[str, int] = {}
    before: dict[str, int] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            load_sql("dlq", "trace_open_letters"),
            {
                "workspace": workspace_id,
                "hour": hour,
                "since": hour - _DAY,
                "most": MAX_COUNTED,
                "changes": MAX_CHANGES,
            },
        )
        for kind, moment, type_name, count in cursor.fetchall():
            if kind == "type":
                (before if moment is None else new)[type_name] = count
            else:
                parts[kind][moment] = count
    total = sum(new.values()) + sum(before.values())
    counted = parts["rows"].get(None, 0)
    is_open = parts["open"].get(None, 0) + counted  # one of them is 0
    counts = (total, counted, sum(parts["resolved"].values()))
    return LetterGrowth(
        open=is_open,
        series=_trace(is_open, parts["died"], parts["resolved"], hour),
        new=new,
        before=before,
        is_estimate=max(counts) >= MAX_COUNTED,
    )


def _trace(
    is_open: int,
    died: dict[datetime | None, int],
    resolved: dict[datetime | None, int],
    hour: datetime,
) -> list[int]:
    """From now back: without the deaths of a minute, and with what was resolved in it."""
    found = [is_open]
    for number in range(60, -1, -1):
        minute = hour + _MINUTE * number
        found.append(max(0, found[-1] - died.get(minute, 0) + resolved.get(minute, 0)))
    return found[::-1]
