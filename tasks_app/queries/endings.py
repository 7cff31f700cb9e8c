"""How tasks ended: what those above want to note of the tasks that they started."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from tasks_app.models import Task


@dataclass(frozen=True, slots=True)
class TaskEnding:
    """A task's state; `finished_at` is None until it has ended."""

    state: str
    started_at: datetime | None
    finished_at: datetime | None
    result: Any
    error: dict[str, Any] | None


def list_endings(ids: Sequence[UUID]) -> dict[UUID, TaskEnding]:
    """How these tasks of any workspace stand; those that are gone are left out."""
    if not ids:
        return {}
    tasks = Task.objects.filter(id__in=list(ids)).values_list(
        "id", "state", "started_at", "finished_at", "result", "error"
    )
    return {row[0]: TaskEnding(*row[1:]) for row in tasks}
