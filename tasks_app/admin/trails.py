"""The way to a page that belongs to a task: the list, the task, the page."""

from django.urls import reverse

from controlplane.core.visibletext import visible_text
from tasks_app.models import Task


def trail_of(task: Task | None, title: str) -> list[tuple[str, str]]:
    """Titles with addresses; the page itself has none."""
    found = [("Tasks", reverse("admin:tasks_app_task_changelist"))]
    if task is not None:
        url = reverse("admin:tasks_app_task_change", args=[task.pk])
        found.append((visible_text(task.name), url))
    return [*found, (title, "")]
