"""What the dead letters of a workspace have in common."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from controlplane.core.clock import now
from controlplane.core.sql import load_sql
from dlq.fingerprints import normalise
from dlq.models import DeadLetter
from dlq.states import LetterStatus

DAYS_SHOWN = 30
MOST_GROUPS = 50
# The newest letters that a look counts: more would make every look a long one.
MAX_COUNTED = 100_000
_MOST_TYPES = 20


@dataclass(frozen=True, slots=True)
class LetterGroup:
    """Open letters of the same failure. `message` has placeholders for what differs from letter to
    letter, so it is that of all of them; `letter_id` is the newest."""

    fingerprint: str
    category: str
    error_class: str
    message: str
    types: list[str]
    count: int
    first_seen: datetime
    last_seen: datetime
    letter_id: UUID


@dataclass(frozen=True, slots=True)
class LetterStats:
    """Counts of the newest MAX_COUNTED letters; `is_estimate` when there are more.

    `by_status` is of all counted letters; `by_category` and `by_type` of the open ones; `by_day`
    of the deaths of the last DAYS_SHOWN days (UTC) whatever became of them, by "2026-01-31".
    """

    open: int
    total: int
    by_status: dict[str, int]
    by_category: dict[str, int]
    by_type: dict[str, int]
    by_day: dict[str, int]
    oldest_open: datetime | None
    groups: list[LetterGroup]
    is_estimate: bool


def get_letter_stats(workspace_id: UUID) -> LetterStats:
    """The figures of a workspace's letters."""
    today = now().date()
    counts: dict[str, dict[str, int]] = {"status": {}, "category": {}, "type": {}, "day": {}}
    with connection.cursor() as cursor:
        cursor.execute(
            load_sql("dlq", "count_letters"),
            {
                "workspace": workspace_id,
                "since": today - timedelta(days=DAYS_SHOWN - 1),
                "most": MAX_COUNTED,
            },
        )
        for kind, value, count in cursor.fetchall():
            counts[kind][value] = count
    days = [(today - timedelta(days=n)).isoformat() for n in reversed(range(DAYS_SHOWN))]
    total = sum(counts["status"].values())
    return LetterStats(
        open=counts["status"].get(LetterStatus.OPEN, 0),
        total=total,
        by_status={status: counts["status"].get(status, 0) for status in LetterStatus.values},
        by_category=_falling(counts["category"]),
        by_type=dict(list(_falling(counts["type"]).items())[:MOST_GROUPS]),
        by_day={day: counts["day"].get(day, 0) for day in days},
        oldest_open=_oldest_open(workspace_id),
        groups=list_groups(workspace_id),
        is_estimate=total >= MAX_COUNTED,
    )


def list_groups(workspace_id: UUID, *, most: int = MOST_GROUPS) -> list[LetterGroup]:
    """The groups of open letters, those with the most first, of the newest MAX_COUNTED ones."""
    with connection.cursor() as cursor:
        cursor.execute(
            load_sql("dlq", "group_letters"),
            {
                "workspace": workspace_id,
                "counted": MAX_COUNTED,
                "most": most,
                "types": _MOST_TYPES,
            },
        )
        groups = [LetterGroup(*row) for row in cursor.fetchall()]
        return [replace(group, message=normalise(group.message)) for group in groups]


def _oldest_open(workspace_id: UUID) -> datetime | None:
    letters = DeadLetter.objects.filter(workspace_id=workspace_id, status=LetterStatus.OPEN)
    return letters.order_by("id").values_list("died_at", flat=True).first()


def _falling(counts: dict[str, Any]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
