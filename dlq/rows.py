"""The rows that transitions take."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID


class NewLetter(NamedTuple):
    """A letter to insert; JSON columns are JSON text."""

    id: UUID
    workspace_id: UUID
    task_id: UUID
    attempt: int
    name: str
    type: str
    queue: str
    priority: int
    tags: str
    category: str
    fingerprint: str
    error: str
    attempts: str
    attempts_total: int
    payload: str
    terms: str
    workflow_run_id: UUID | None
    step_key: str | None
    reprocess_of: UUID | None
    died_at: datetime
