"""Schedules that start a task type."""

from collections.abc import Iterator, Sequence
from uuid import UUID

from controlplane.ops.schedules.models import Schedule
from tasks_app.typeuses import MAX_USES, TypeUse, register


def find(workspaces: Sequence[UUID] | None) -> Iterator[TypeUse]:
    """Those that start a type, not a workflow."""
    schedules = Schedule.objects.exclude(task_type="")
    if workspaces is not None:
        schedules = schedules.filter(workspace_id__in=workspaces)
    rows = schedules.order_by("name", "id").values_list("task_type", "name", "id")
    for type_name, name, key in rows[:MAX_USES]:
        yield TypeUse(type_name, "schedule", name, "schedules_schedule", str(key))


register("schedule", find)
