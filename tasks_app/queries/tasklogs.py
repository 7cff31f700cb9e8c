"""The log lines of a task beyond the newest."""

from dataclasses import dataclass
from uuid import UUID

from tasks_app.models import TaskLog

PAGE_SIZE = 100


@dataclass(frozen=True, slots=True)
class LogPage:
    """Lines, newest first. `position`: the number of the first of them, counted from the oldest
    line of the task."""

    lines: list[TaskLog]
    position: int
    has_more: bool


def list_logs_before(task_id: UUID, line_id: int) -> LogPage:
    """The lines before the one with this id."""
    older = TaskLog.objects.filter(task_id=task_id, id__lt=line_id)
    lines = list(older.order_by("-id")[: PAGE_SIZE + 1])
    return LogPage(lines[:PAGE_SIZE], older.count(), len(lines) > PAGE_SIZE)
