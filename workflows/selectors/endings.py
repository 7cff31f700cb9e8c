"""How runs ended: what those above want to note of the runs that they started."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from workflows.models import WorkflowRun


@dataclass(frozen=True, slots=True)
class RunEnding:
    """A run's state; `finished_at` is None until it has ended."""

    state: str
    started_at: datetime
    finished_at: datetime | None
    error: dict[str, Any] | None


def list_run_endings(ids: Sequence[UUID]) -> dict[UUID, RunEnding]:
    """How these runs of any workspace stand; those that are gone are left out."""
    if not ids:
        return {}
    runs = WorkflowRun.objects.filter(id__in=list(ids))
    rows = runs.values_list("id", "state", "created_at", "finished_at", "error")
    return {row[0]: RunEnding(*row[1:]) for row in rows}
