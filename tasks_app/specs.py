"""A submitted task, before it is a row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from tasks_app.processors.retry import RetryPolicy


@dataclass(frozen=True, slots=True)
class TaskSpec:
    """One task to submit. None means the default of the type.

    `delay_ms` counts from the submission; `run_at` is an aware datetime; give one of them.
    `depends_on` holds ids of earlier tasks, or the `ref` of another spec of the same call.
    """

    type: str
    payload: Mapping[str, Any] = field(default_factory=dict)
    name: str | None = None
    queue: str | None = None
    priority: int = 0
    delay_ms: int | None = None
    run_at: datetime | None = None
    max_attempts: int | None = None
    timeout_seconds: float | None = None
    depends_on: Sequence[UUID | str] = ()
    on_parent_failure: str = "cancel"
    tags: Sequence[str] = ()
    idempotency_key: str | None = None
    retry: RetryPolicy | None = None
    ref: str | None = None
    workflow_run_id: UUID | None = None
    step_key: str | None = None
    reprocess_of: UUID | None = None
