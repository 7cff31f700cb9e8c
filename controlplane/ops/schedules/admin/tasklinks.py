"""From the page of a task to the schedule that started it."""

from collections.abc import Iterator
from uuid import UUID

from django.http import HttpRequest
from django.urls import reverse

from controlplane.core.formatting import format_time
from controlplane.ops.schedules.queries import find_firing_of_task
from tasks_app.admin.related import RelatedLink, register


@register
def find_schedule(request: HttpRequest, workspace_id: UUID, task_id: UUID) -> Iterator[RelatedLink]:
    """The firing that submitted the task."""
    if not request.user.has_perm("schedules.view_schedule"):
        return
    firing = find_firing_of_task(workspace_id, task_id)
    if firing is not None:
        yield RelatedLink(
            icon="schedules",
            title=firing.schedule.name,
            note=f"schedule, for {format_time(firing.scheduled_for)}",
            url=reverse("admin:schedules_schedule_change", args=[firing.schedule_id]),
        )
