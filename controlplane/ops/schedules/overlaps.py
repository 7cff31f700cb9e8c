"""Firings that wait for the previous one, for their jitter, or for the broker.

`FiringQueue` decides which of them wait, and `start_queued` starts those whose turn has come.
"""

import json
import logging
import time
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any
from uuid import UUID

from celery import current_app
from django.db import transaction
from django_celery_beat.models import PeriodicTask
from kombu.exceptions import OperationalError as BrokerError

from controlplane.core.clock import now as utc_now
from controlplane.core.process_state import register_reset
from controlplane.ops.schedules import transitions
from controlplane.ops.schedules.models import Firing, Schedule
from controlplane.ops.schedules.refreshing import lock_free
from controlplane.ops.schedules.starting import due_to_start, has_unfinished, is_plain, start
from controlplane.ops.schedules.states import FiringKind, FiringState, Overlap, SkipReason

MAX_QUEUED = 100  # of one schedule


@dataclass(frozen=True, slots=True)
class Decision:
    """The decision about a nominal time: skipped for a reason, queued, or started now."""

    detail: str
    waits: bool = False
    reason: SkipReason | None = None


class FiringQueue:
    """The unfinished firings of one locked schedule; its due times are added one by one."""

    def __init__(self, schedule: Schedule) -> None:
        self._schedule = schedule
        self._has_started = False
        self._queued: int | None = None

    def decide(self, kind: FiringKind, moment: datetime, at: datetime) -> Decision:
        """The decision about a nominal time at `at`.

        Catch-up firings wait for each other: none is skipped because of the previous one.
        """
        is_catch_up = kind == FiringKind.CATCH_UP
        if self._schedule.overlap != Overlap.ALLOW and self._is_busy():
            if self._schedule.overlap == Overlap.SKIP and not is_catch_up:
                detail = "The previous firing had not ended."
                return Decision(detail, reason=SkipReason.OVERLAP)
            return self._queue("Waits until the previous firing has ended.")
        if is_plain(self._schedule):
            return self._queue("Waits to be sent.")
        if self._schedule.workflow_id and due_to_start(self._schedule, moment) > at:
            return self._queue("Waits for its jitter.")
        self._has_started = True
        return Decision("Missed, and caught up." if is_catch_up else "On time.")

    def _queue(self, detail: str) -> Decision:
        queued = self._count_queued()
        if queued >= MAX_QUEUED:
            detail = f"{queued} firings were already waiting."
            return Decision(detail, reason=SkipReason.QUEUE_FULL)
        self._queued = queued + 1
        return Decision(detail, waits=True)

    def _count_queued(self) -> int:
        if self._queued is None:
            queued = Firing.objects.filter(schedule=self._schedule, state=FiringState.QUEUED.value)
            self._queued = queued.count()
        return self._queued

    def _is_busy(self) -> bool:
        return self._has_started or self._count_queued() > 0 or self._is_unfinished

    @cached_property
    def _is_unfinished(self) -> bool:
        return has_unfinished(self._schedule)


logger = logging.getLogger(__name__)

START_LIMIT = 20  # firings of one schedule that one transaction starts
_REST_SECONDS = 5.0
NO_ID = UUID(int=0)


class BrokerUnavailableError(Exception):
    """A Celery task could not be sent; its firing waits."""


class _Post:
    """Sends Celery tasks. It pauses after a failure, since each attempt on a frozen broker takes
    two seconds."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        self.rests_until = 0.0

    def send(self, name: str, celery_id: str, options: dict[str, Any]) -> None:
        """Raises BrokerUnavailableError."""
        if time.monotonic() < self.rests_until:
            raise BrokerUnavailableError
        connection = current_app.connection_for_write()
        # Channel errors too: a Redis that is full or read-only answers with one.
        failures = (
            BrokerError,
            OSError,
            *connection.connection_errors,
            *connection.channel_errors,
        )
        try:
            with connection:
                current_app.send_task(
                    name, **options, task_id=celery_id, retry=False, connection=connection
                )
        except failures as error:
            self.rests_until = time.monotonic() + _REST_SECONDS
            logger.warning("Broker unavailable, Celery tasks wait: error=%r", str(error))
            raise BrokerUnavailableError from error


post = _Post()
register_reset(post.forget)


def start_queued(
    *, after: UUID = NO_ID, limit: int = 100, now: datetime | None = None
) -> tuple[int, UUID | None]:
    """Start the firings whose turn has come of `limit` schedules with ids above `after`; how many,
    and the last of these ids, None when there are no more. Others stay queued, as do those of
    paused schedules, and Celery tasks while the broker is down."""
    at = now or utc_now()
    waiting = Firing.objects.filter(state=FiringState.QUEUED.value, schedule_id__gt=after)
    ids = list(
        waiting.order_by("schedule_id").values_list("schedule_id", flat=True).distinct()[:limit]
    )
    started = 0
    for schedule_id in ids:
        try:
            started += _start_of(schedule_id, at)
        except BrokerUnavailableError:
            continue  # others need no broker
    return started, ids[-1] if len(ids) == limit else None


def _start_of(schedule_id: UUID, at: datetime) -> int:
    with transaction.atomic():
        schedule = lock_free(schedule_id)
        if schedule is None:
            return 0
        queued = Firing.objects.filter(schedule=schedule, state=FiringState.QUEUED.value)
        if schedule.paused_at is not None and not schedule.periodic_task.one_off:
            queued = queued.filter(kind=FiringKind.MANUAL.value)
        if schedule.overlap != Overlap.ALLOW:
            return _start_first(schedule, queued, at)
        firings = list(queued.order_by("scheduled_for", "id")[:START_LIMIT])
        return sum(_start_one(schedule, firing, at) for firing in firings)


def _start_first(schedule: Schedule, queued: Any, at: datetime) -> int:
    """Start the oldest if nothing is unfinished; if it is refused, the next one."""
    for firing in queued.order_by("scheduled_for", "id")[:START_LIMIT]:
        if has_unfinished(schedule):
            return 0
        if _start_one(schedule, firing, at):
            return 1
        if not _is_due(schedule, firing, at):
            return 0
    return 0


def _start_one(schedule: Schedule, firing: Firing, at: datetime) -> bool:
    if not _is_due(schedule, firing, at):
        return False
    if is_plain(schedule):
        return _send(schedule.periodic_task, firing, at)
    return start(schedule, firing, at)


def _is_due(schedule: Schedule, firing: Firing, at: datetime) -> bool:
    """Whether its jitter is over. A task waits for its jitter itself."""
    if schedule.task_type or firing.kind == FiringKind.MANUAL:
        return True
    return due_to_start(schedule, firing.scheduled_for) <= at


def _send(task: PeriodicTask, firing: Firing, at: datetime) -> bool:
    """Send a plain Celery task under the firing's own id. If the commit fails, it is sent again
    under the same id: at least once, as Celery itself promises."""
    try:
        options = _options(task)
        arguments = {
            "args": json.loads(task.args or "[]"),
            "kwargs": json.loads(task.kwargs or "{}"),
        }
    except ValueError as error:
        message = f"Arguments or headers are not JSON: {error}"
        transitions.fail_queued(firing.id, error={"class": "ValueError", "message": message}, at=at)
        return False
    post.send(task.task, firing.celery_id, arguments | options)
    detail = "Sent to Celery, which keeps its result."
    transitions.start_queued(firing.id, detail=detail)
    return transitions.end_started(firing.id, FiringState.COMPLETED, started_at=at, finished_at=at)


def _options(task: PeriodicTask) -> dict[str, Any]:
    """The options that beat itself would send."""
    headers = json.loads(task.headers or "{}")
    options = {
        "queue": task.queue,
        "exchange": task.exchange,
        "routing_key": task.routing_key,
        "priority": task.priority,
        "expires": task.expires_,
        "headers": {**headers, "periodic_task_name": task.name},
    }
    return {name: value for name, value in options.items() if value is not None}
