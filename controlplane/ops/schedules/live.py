"""Live topic: schedules."""

from typing import Any
from uuid import UUID

from django.db.models import F

from controlplane.core.clock import utc_z
from controlplane.core.schema import represent
from controlplane.live.changes import Snapshot
from controlplane.live.topics import WATCHER, Topic, register, rows
from controlplane.ops.schedules.queries import list_schedules
from controlplane.ops.schedules.queries.schedules import get_newest_firings
from controlplane.ops.schedules.schema import Execution

SCHEDULES_SHOWN = 200

# What a firing gave may be large, and is on its page.
_FIRING_FIELDS = (
    "id", "scheduledFor", "kind", "status", "skipReason", "detail", "taskId", "runId", "error",
    "lateMs", "durationMs", "createdAt", "startedAt", "finishedAt",
)  # fmt: skip


def read_schedules(workspace_id: UUID, _key: str) -> Snapshot:
    """The schedules with their next time and their newest firing: those first that fire next, then
    those that are paused or never fire."""
    found = list_schedules(workspace_id).order_by(F("next_at").asc(nulls_last=True), "name", "id")
    schedules = list(found[:SCHEDULES_SHOWN])
    newest = get_newest_firings([schedule.id for schedule in schedules])
    return rows((each.id, _describe(each, newest.get(each.id))) for each in schedules)


def _describe(schedule: Any, firing: Any) -> Snapshot:
    last = None if firing is None else represent(Execution, firing, WATCHER, fields=_FIRING_FIELDS)
    return {
        "id": str(schedule.id),
        "name": schedule.name,
        "enabled": schedule.periodic_task.enabled,
        "nextAt": schedule.next_at and utc_z(schedule.next_at),
        "pausedAt": schedule.paused_at and utc_z(schedule.paused_at),
        "lastExecution": last,
    }


register(Topic("cron", read=read_schedules, resource="cron", every_seconds=2))
