"""Rates from the roll-ups of minutes: of types against the day before, and of a workspace."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection
from django.db.models import Sum

from controlplane.core.sql import load_sql
from tasks_app.models import Rollup
from tasks_app.processors.registry import internal_types

_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class TypeRates:
    """The attempts of a type that succeeded and failed, recently and in the 24 hours before, with
    the sums of their run times."""

    type: str
    completed: int
    failed: int
    completed_before: int
    failed_before: int
    run_ms: float = 0.0
    run_ms_before: float = 0.0

    @property
    def mean_run(self) -> float | None:
        """In seconds, recently."""
        return _mean(self.run_ms, self.completed + self.failed)

    @property
    def mean_run_before(self) -> float | None:
        """In seconds, in the 24 hours before."""
        return _mean(self.run_ms_before, self.completed_before + self.failed_before)


@dataclass(frozen=True, slots=True)
class Ends:
    """What ended in one step: attempts that succeeded, were followed by another, failed; and tasks
    that failed for good."""

    completed: int = 0
    retried: int = 0
    failed: int = 0
    failed_tasks: int = 0


def count_submitted(workspaces: Collection[UUID], since: datetime) -> dict[UUID, int]:
    """How many tasks were submitted to each of these workspaces since the beginning of an hour;
    those that submitted none are left out. The platform's own tasks do not count."""
    hours = Rollup.objects.filter(workspace_id__in=workspaces, seconds=3_600, at__gte=since)
    sums = hours.exclude(type__in=internal_types()).order_by().values_list("workspace_id")
    found = dict(sums.annotate(number=Sum("submitted")))
    return {each: int(number) for each, number in found.items() if number}


def rate_types(workspace_id: UUID, recent: datetime) -> list[TypeRates]:
    """The types of a workspace that ended attempts since `recent`, whose day before that is made of
    full hours."""
    with connection.cursor() as cursor:
        cursor.execute(
            load_sql("tasks_app", "rate_types"),
            {
                "workspace": workspace_id,
                "recent": recent,
                "hour": recent.replace(minute=0, second=0, microsecond=0),
                "hidden": list(internal_types()),
            },
        )
        return [
            TypeRates(
                type=name,
                completed=int(completed or 0),
                failed=int(failed or 0),
                completed_before=int(completed_before or 0),
                failed_before=int(failed_before or 0),
                run_ms=run_ms or 0.0,
                run_ms_before=run_ms_before or 0.0,
            )
            for (
                name,
                completed,
                failed,
                completed_before,
                failed_before,
                run_ms,
                run_ms_before,
            ) in cursor.fetchall()
        ]


def read_ends(
    workspace_id: UUID,
    begin: datetime,
    step: timedelta,
    *,
    types: Sequence[str] | None = None,
) -> dict[tuple[datetime, str], Ends]:
    """What ended in each step since `begin`, by the step's beginning and, if `types` are given, by
    type; else the type is empty. Steps without any end are left out."""
    with connection.cursor() as cursor:
        cursor.execute(
            load_sql("tasks_app", "sum_ends"),
            {
                "workspace": workspace_id,
                "from": begin,
                "step": int(step.total_seconds()),
                "types": None if types is None else list(types),
                "hidden": list(internal_types()),
            },
        )
        return {(at, name): Ends(*(int(n) for n in counts)) for at, name, *counts in cursor}


def read_lane_ends(workspace_id: UUID, begin: datetime) -> dict[int, Ends]:
    """What ended in each queue since `begin`, by its id."""
    with connection.cursor() as cursor:
        cursor.execute(
            load_sql("tasks_app", "sum_lane_ends"),
            {"workspace": workspace_id, "from": begin, "hidden": list(internal_types())},
        )
        return {lane: Ends(*(int(n) for n in counts)) for lane, *counts in cursor}


def _mean(total_ms: float, attempts: int) -> float | None:
    return total_ms / attempts / 1_000 if attempts else None
