"""Time goes on in the demo: its processes report, and what waits calmly is always as old as in the
story. Only the queue of the incident waits longer and longer."""

from datetime import datetime, timedelta
from uuid import uuid4

from django.db import connection
from django.db.models import F

from controlplane.core.clock import utc_z
from scaling.queries.pool import AUTOSCALER
from scripts.demo.story import BILLING, HOUR, MEDIA
from tasks_app.models import Leader, MinuteSample, Queue, Rollup, RollupMark, Task, TaskAttempt
from tasks_app.queries.engine_health import DISPATCHER
from workers.models import Node

_HELD = (BILLING.queue, MEDIA.queue)


def report(at: datetime) -> None:
    """The processes were seen just now."""
    Node.objects.filter(state="ACTIVE").update(heartbeat_at=at)
    for name in (DISPATCHER, AUTOSCALER):
        Leader.objects.update_or_create(
            name=name,
            defaults={
                "holder": uuid4(),
                "holder_label": "control-1",
                "acquired_at": at - HOUR,
                "expires_at": at + timedelta(seconds=30),
                "last_pass_at": at,
            },
        )


def move_on(before: datetime, at: datetime) -> None:
    """From one moment to the next: seconds, not hours."""
    passed = at - before
    calm = list(Queue.objects.exclude(name__in=_HELD).values_list("id", flat=True))
    waiting = Task.objects.filter(state="PENDING", queue_id__in=calm)
    waiting.update(created_at=F("created_at") + passed)
    Task.objects.filter(state__in=["RUNNING", "RETRYING"]).update(
        created_at=F("created_at") + passed, started_at=F("started_at") + passed
    )
    retrying = list(Task.objects.filter(state="RETRYING").values_list("id", flat=True))
    TaskAttempt.objects.filter(task_id__in=retrying).update(
        started_at=F("started_at") + passed, finished_at=F("finished_at") + passed
    )
    _move_slots(passed)
    Task.objects.filter(state__in=["RETRYING", "SCHEDULED"]).update(run_at=F("run_at") + passed)
    _sample(at.replace(second=0, microsecond=0))
    report(at)


def _move_slots(passed: timedelta) -> None:
    for node in Node.objects.filter(state="ACTIVE"):
        for slot in node.slots:
            if slot["startedAt"]:
                slot["startedAt"] = utc_z(datetime.fromisoformat(slot["startedAt"]) + passed)
        node.save(update_fields=["slots"])


def _sample(minute: datetime) -> None:
    """The newest samples once more, for the minutes since."""
    newest = MinuteSample.objects.order_by("-at").first()
    while newest is not None and newest.at < minute:
        following = newest.at + timedelta(minutes=1)
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO tasks_app_queuesample (queue_id, at, waiting, running, oldest_wait_ms)"
                " SELECT queue_id, %s, waiting, running, oldest_wait_ms"
                " FROM tasks_app_queuesample WHERE at = %s",
                [following, newest.at],
            )
        _roll_up(following, newest.at)
        newest = MinuteSample.objects.create(at=following, nodes=newest.nodes, slots=newest.slots)
    if newest is not None:
        RollupMark.objects.update(until=minute)


def _roll_up(following: datetime, newest: datetime) -> None:
    """What ended in a minute, once more; no more tasks fail for good, as there are no more letters
    either."""
    for each in Rollup.objects.filter(seconds=60, at=newest):
        each.at, each.failed_tasks = following, 0
        each.save(force_insert=True)
