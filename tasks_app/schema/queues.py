"""Queues."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from controlplane.core.errors import FieldError
from controlplane.core.schema import Request, Resource, itself, shown
from controlplane.core.schema.fields import Flag, Number, Text, Whole
from tasks_app.descriptors import (
    FIELDS,
    MAX_DESCRIPTION,
    MAX_OWNER,
    MAX_RUNBOOK,
    MAX_TITLE,
    RUNBOOK_RULE,
)
from tasks_app.queues import MAX_PAUSE_REASON
from tasks_app.schema.fields import names_of, optional

MAX_RUNNING = 1_000_000
MAX_RATE = 1_000_000
MIN_RATE = 0.0001  # one start in about three hours


class Queue(Resource):
    """A queue of the workspace, with its waiting and running tasks, including internal ones. The
    counts are exact, unless there are more than a million tasks of each of two statuses."""

    name: str = shown(source="queue.name")
    title: str | None = shown(compute=lambda view: view.descriptor.title or None)
    description: str | None = shown(compute=lambda view: view.descriptor.description or None)
    owner: str | None = shown(
        "A team or a person.", compute=lambda view: view.descriptor.owner or None
    )
    runbook: str | None = shown(
        "The address of what to do when it is in trouble.",
        compute=lambda view: view.descriptor.runbook or None,
    )
    depth: int = shown("Ready to run.", source="counts.pending")
    running: int = shown(source="counts.running")
    scheduled: int = shown(source="counts.scheduled")
    retrying: int = shown(source="counts.retrying")
    blocked: int = shown(source="counts.blocked")
    is_estimate: bool = shown(
        "Whether there may be more than a million tasks of each of two statuses.",
        source="counts.is_capped",
    )
    oldest_waiting_ms: int | None = shown(
        "How long the first ready task has waited; null if none waits."
    )
    paused: bool = shown(compute=lambda view: view.queue.paused_at is not None)
    paused_at: datetime | None = shown(source="queue.paused_at")
    paused_by: str | None = shown(compute=lambda view: view.queue.paused_by or None)
    pause_reason: str | None = shown(compute=lambda view: view.queue.pause_reason or None)
    max_running: int | None = shown(source="queue.max_running")
    rate_per_second: float | None = shown(source="queue.rate_per_second")
    created_at: datetime = shown(source="queue.created_at")


class Recent(Resource):
    """The hot view: ids of the newest ended tasks."""

    completed: list[UUID] = shown("At most QUEUE_REMOVE_ON_COMPLETE.", source="recent_completed")
    failed: list[UUID] = shown("At most QUEUE_REMOVE_ON_FAIL.", source="recent_failed")


class QueueDetail(Queue):
    """One queue, with its hot view. History is kept by retention, not by these lists."""

    recent: Recent = shown(compute=itself)


class QueueChange(Request):
    """Changes to a queue; null removes a limit, or a part of its description. Operators pause,
    resume and describe; limits need the role admin."""

    paused: Flag = optional()
    max_running: Annotated[int, Whole(1, MAX_RUNNING)] | None = None
    rate_per_second: Annotated[float, Number(MIN_RATE, MAX_RATE)] | None = None
    reason: Annotated[str, Text(MAX_PAUSE_REASON)] = optional("Why it is paused or resumed.")
    title: Annotated[str, Text(MAX_TITLE)] | None = None
    description: Annotated[str, Text(MAX_DESCRIPTION)] | None = None
    owner: Annotated[str, Text(MAX_OWNER)] | None = optional("A team or a person.")
    runbook: Annotated[str, Text(MAX_RUNBOOK)] | None = optional(RUNBOOK_RULE)

    def cross_check(self) -> Iterable[FieldError]:
        """Something must be given, and a reason only belongs to a pause."""
        if not self.model_fields_set:
            yield {"field": "", "message": f"Give at least one of: {names_of(QueueChange)}."}
        elif "reason" in self.model_fields_set and self.paused is None:
            yield {"field": "reason", "message": "Give it together with paused."}

    @property
    def changes(self) -> dict[str, Any]:
        """The columns that were given."""
        return {name: getattr(self, name) for name in self.model_fields_set if name not in FIELDS}

    @property
    def described(self) -> dict[str, str | None]:
        """The parts of the description that were given."""
        return {name: getattr(self, name) for name in FIELDS if name in self.model_fields_set}
