"""Firings that wait: for the one before them, for their jitter, for the broker."""

import json
import logging
import time
from datetime import datetime
from typing import Any
from uuid import UUID

from celery import current_app
from django.db import transaction
from django_celery_beat.models import PeriodicTask
from kombu.exceptions import OperationalError as BrokerError

from controlplane.core.clock import now as utc_now
from controlplane.core.process_state import register_reset
from controlplane.schedules import transitions
from controlplane.schedules.models import Firing, Schedule
from controlplane.schedules.services.locks import lock_free
from controlplane.schedules.services.starting import due_to_start, has_unfinished, is_plain, start
from controlplane.schedules.states import FiringKind, FiringState, Overlap

logger = logging.getLogger(__name__)

AT_A_TIME = 20  # firings of one schedule that one transaction starts
_REST_SECONDS = 5.0
_NOBODY = UUID(int=0)


class BrokerAwayError(Exception):
    """A Celery task could not be sent; its firing waits."""


class _Post:
    """Sends Celery tasks. After a failure it rests: a frozen broker costs two seconds per try, and
    the dispatcher has other work."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Send at once again."""
        self.rests_until = 0.0

    def send(self, name: str, celery_id: str, options: dict[str, Any]) -> None:
        """Raises BrokerAwayError."""
        if time.monotonic() < self.rests_until:
            raise BrokerAwayError
        connection = current_app.connection_for_write()
        # Of the channel too: a Redis that is full or read-only refuses with one.
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
            logger.warning("Celery tasks of schedules wait for the broker: %s", error)
            raise BrokerAwayError from error


post = _Post()
register_reset(post.forget)


def start_queued(*, now: datetime | None = None, limit: int = 100) -> int:
    """Start firings whose turn has come, of all schedules; how many. The rest waits for the next
    call, as do those of paused schedules, and Celery tasks while the broker is away."""
    started, after = 0, _NOBODY
    while True:
        count, last = start_portion(after=after, limit=limit, now=now)
        started += count
        if last is None:
            return started
        after = last


def start_portion(
    *, after: UUID, limit: int, now: datetime | None = None
) -> tuple[int, UUID | None]:
    """As start_queued, for `limit` schedules with ids beyond `after`; also the last of these ids,
    None when there were no more."""
    at = now or utc_now()
    waiting = Firing.objects.filter(state=FiringState.QUEUED.value, schedule_id__gt=after)
    ids = list(
        waiting.order_by("schedule_id").values_list("schedule_id", flat=True).distinct()[:limit]
    )
    started = 0
    for schedule_id in ids:
        try:
            started += _start_of(schedule_id, at)
        except BrokerAwayError:
            continue  # others wait for no broker
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
        firings = list(queued.order_by("scheduled_for", "id")[:AT_A_TIME])
        return sum(_start_one(schedule, firing, at) for firing in firings)


def _start_first(schedule: Schedule, queued: Any, at: datetime) -> int:
    """The oldest, when nothing is under way; and the next ones, when that one cannot start."""
    for firing in queued.order_by("scheduled_for", "id")[:AT_A_TIME]:
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
    """Whether its jitter is over. That of a task is the task's own wait."""
    if schedule.task_type or firing.kind == FiringKind.MANUAL:
        return True
    return due_to_start(schedule, firing.scheduled_for) <= at


def _send(task: PeriodicTask, firing: Firing, at: datetime) -> bool:
    """Send a plain Celery task under the firing's own id. Should the commit that says so fail, it
    is sent again under the same id: at least once, as Celery itself promises."""
    try:
        options = _options(task)
        arguments = {
            "args": json.loads(task.args or "[]"),
            "kwargs": json.loads(task.kwargs or "{}"),
        }
    except ValueError as error:
        message = f"Its arguments or headers are no JSON: {error}"
        transitions.fail_queued(firing.id, error={"class": "ValueError", "message": message}, at=at)
        return False
    post.send(task.task, firing.celery_id, arguments | options)
    detail = "It was sent to Celery, which keeps what comes of it."
    transitions.start_queued(firing.id, detail=detail)
    return transitions.end_started(firing.id, FiringState.COMPLETED, started_at=at, finished_at=at)


def _options(task: PeriodicTask) -> dict[str, Any]:
    """What beat itself would send with it."""
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
