"""Schedules whose newest firings all failed."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from django.db import connection

from controlplane.core.sql import load_sql

_LOOKED_AT = 100  # firings of a schedule, skipped ones among them
_MOST = 1_000


@dataclass(frozen=True, slots=True)
class FailingSchedule:
    """`completed` and `times`: the newest firings with an end, at most ten, the newest first.
    `error` is that of the newest, as it is stored. `task_type` is empty for one of a workflow."""

    id: UUID
    name: str
    next_at: datetime | None
    completed: list[bool]
    times: list[datetime]
    error: Any
    task_type: str = ""

    @property
    def failures(self) -> int:
        """How many failed in a row, up to the newest; ten mean ten or more."""
        return next((n for n, done in enumerate(self.completed) if done), len(self.completed))

    @property
    def failed_since(self) -> datetime:
        """The nominal time of the first of these failures."""
        return self.times[self.failures - 1]

    @property
    def last_completed(self) -> datetime | None:
        """The nominal time of the newest firing that completed, among those that were read."""
        return next((at for at, done in zip(self.times, self.completed, strict=True) if done), None)


def list_failing(workspace_id: UUID, *, least: int, with_error: int) -> list[FailingSchedule]:
    """The schedules of a workspace whose newest `least` firings all failed, by name; at most 1,000.
    The first `with_error` have their error, which may be long."""
    with connection.cursor() as cursor:
        cursor.execute(
            load_sql("controlplane.ops.schedules", "list_failing"),
            {
                "workspace": workspace_id,
                "least": least,
                "with_error": with_error,
                "looked_at": _LOOKED_AT,
                "most": _MOST,
            },
        )
        return [
            FailingSchedule(
                id=schedule_id,
                name=name,
                next_at=next_at,
                completed=completed,
                times=times,
                error=None if error is None else orjson.loads(error),
                task_type=task_type,
            )
            for schedule_id, name, task_type, next_at, completed, times, error in cursor.fetchall()
        ]
