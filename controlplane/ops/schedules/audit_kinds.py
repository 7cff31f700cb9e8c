"""Schedules in the audit log."""

from collections.abc import Mapping
from typing import Any

from controlplane.ops.schedules.models import Schedule
from controlplane.workspaces.audit.kinds import Kind, common_verbs, register


def _change(detail: Mapping[str, Any]) -> str:
    if set(detail) - {"before"} == {"enabled"}:
        return "resumed" if detail["enabled"] else "paused"
    return "changed"


register(
    Kind(
        target="schedule",
        noun="schedule",
        plural="schedules",
        icon="schedules",
        page="schedules_schedule",
        rows=Schedule.objects.all,
        label="name",
        verbs={
            **common_verbs("schedule.", "create", "delete", "trigger"),
            "schedule.update": _change,
        },
    )
)
