"""An hour of a busy installation, for the pages of queues, workers, scaling and performance: one
queue is late, one is paused, one node was lost."""

import math
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any

from controlplane.core.clock import now, utc_z
from controlplane.core.runtime.histograms import bucket_of
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.models import Workspace
from tasks_app import services
from tasks_app.models import MinuteSample, Queue, QueueSample, Rollup, Task
from tests.clients import default_workspace, other_workspace
from tests.factories import (
    make_attempts,
    make_error,
    make_leader,
    make_node,
    make_queue,
    make_sample,
    make_scaling_event,
    make_task,
    make_tasks,
    set_pool,
)
from workers.models import Node

MINUTE = timedelta(minutes=1)
PERSON = Actor("user", "1", "mira.okafor", None)
# Queue: type, submitted and ended per minute, median wait and run time in ms, share of failures.
WORK = {
    "billing": ("charge-card", 84, 54, 147_000, 600, 0.156),
    "reports": ("render-report", 18, 18, 9_000, 4_000, 0.01),
    "email": ("send-email", 1_092, 1_092, 900, 210, 0.001),
    "default": ("sync-crm", 876, 876, 300, 120, 0.0),
    "webhooks": ("http-webhook", 444, 444, 80, 340, 0.02),
    "media": ("transcode", 0, 0, 1, 1, 0.0),
}
WAITING = {"billing": 794, "reports": 37, "email": 214, "default": 118, "webhooks": 3, "media": 46}


def seed_fleet(*, hours: int = 2) -> dict[str, Any]:
    """Everything; the queue, the lost node and a living one are returned."""
    home, at = default_workspace(), now()
    queues = {name: make_queue(name, home) for name in WORK}
    make_queue("billing", home, max_running=24)
    _fill(home, at)
    for name, queue in queues.items():
        _roll_up(queue, name, at, hours)
    services.change_queue(
        workspace_id=home.id,
        name="media",
        actor=PERSON,
        changes={"paused": True, "reason": "The encoder is being replaced until 04:00."},
    )
    nodes = _make_nodes(home, at)
    _make_pool(at)
    return {"queue": queues["billing"], **nodes}


def seed_queue(name: str) -> Queue:
    """One queue of those with what happened in it."""
    queue = make_queue(name, default_workspace())
    _roll_up(queue, name, now(), 2)
    return queue


def _fill(home: Workspace, at: datetime) -> None:
    for name, number in WAITING.items():
        made = make_tasks(
            number, workspace=home, queue=name, type=WORK[name][0], tags=["checkout"],
            name=f"{WORK[name][0]} of an order",
        )  # fmt: skip
        ids = [task.id for task in made]
        age = timedelta(seconds=372 if name == "billing" else 9)
        Task.objects.filter(id__in=ids).update(created_at=at - age)
    for type_name, number in (("capture-payment", 71), ("issue-invoice", 33), ("refund", 14)):
        made = make_tasks(
            number, workspace=home, queue="billing", type=type_name, tags=["backfill"],
            name=f"{type_name} of an order",
        )  # fmt: skip
        age = timedelta(seconds=300)
        Task.objects.filter(id__in=[task.id for task in made]).update(created_at=at - age)
    make_tasks(41, workspace=other_workspace("payments-us"), queue="billing", type="charge-card")
    for number in range(40):
        is_timeout = number < 36
        error = make_error(
            "no answer from eu-1 within 30 s" if is_timeout else "amount must be above 0",
            name="GatewayTimeout" if is_timeout else "ValidationError",
        )
        kind = "charge-card" if is_timeout else "issue-invoice"
        make_task(
            "FAILED", workspace=home, queue="billing", type=kind, error=error,
            name=f"Charge order {48_300 + number}",
        )  # fmt: skip


def _roll_up(queue: Queue, name: str, at: datetime, hours: int) -> None:
    type_name, submitted, ended, wait, run, failing = WORK[name]
    if not submitted:
        return
    random = Random(name)
    begin = at.replace(second=0, microsecond=0) - timedelta(hours=hours)
    rows = []
    for minute in range(hours * 60 + 5):  # some are still to come: pictures take a while
        is_late = name == "billing" and minute > hours * 60 - 36
        waits = Counter(_buckets(random, wait if is_late or name != "billing" else 4_000, ended))
        runs = Counter(_buckets(random, run, ended))
        if is_late:
            runs[bucket_of(30_000)] += ended // 8
        failed = round(ended * (failing if is_late or name != "billing" else 0.005))
        noise = random.uniform(0.92, 1.08)
        rows.append(
            Rollup(
                workspace_id=queue.workspace_id,
                seconds=60,
                at=begin + MINUTE * minute,
                queue_id=queue.id,
                type=type_name,
                submitted=round((submitted if is_late or name != "billing" else ended) * noise),
                started=round(ended * noise),
                completed=round(ended * noise) - failed,
                failed=failed * 2,
                failed_tasks=failed,
                retried=failed,
                lost=0,
                cancelled=0,
                run_ms=sum(runs.values()) * run,
                wait_ms=sum(waits.values()) * wait,
                longest_run_ms=30_000 if is_late else run * 4,
                longest_wait_ms=min(372_000, 12_000 * (minute - 84)) if is_late else wait * 3,
                runs={str(bucket): count for bucket, count in runs.items()},
                waits={str(bucket): count for bucket, count in waits.items()},
            )
        )
    Rollup.objects.bulk_create(rows)
    _sample(queue, begin, hours * 60, WAITING[name], is_growing=name == "billing")


def _sample(queue: Queue, begin: datetime, minutes: int, last: int, *, is_growing: bool) -> None:
    random = Random(queue.name)
    samples = []
    for minute in range(minutes + 1):
        at = begin + MINUTE * minute
        MinuteSample.objects.get_or_create(at=at, defaults={"nodes": 8, "slots": 128})
        waiting = round(last * random.uniform(0.7, 1.2))
        if is_growing:
            waiting = max(30, round(912 * (minute - minutes + 36) / 36)) + random.randrange(9)
        samples.append(
            QueueSample(
                queue_id=queue.id, at=at, waiting=waiting, running=24, oldest_wait_ms=waiting * 400
            )
        )
    QueueSample.objects.bulk_create(samples)


def _buckets(random: Random, median: float, number: int) -> Iterator[int]:
    for _ in range(number):
        yield bucket_of(median * math.exp(random.gauss(0, 0.7)))


def _make_nodes(home: Workspace, at: datetime) -> dict[str, Node]:
    random = Random(1)
    living = []
    for number in range(1, 9):
        node = make_node(
            f"fra-{number:02}", concurrency=16, release="4.12.0", host=f"fra-{number:02}",
            started_at=at - timedelta(minutes=39), heartbeat_at=at, processed=12_400 + number,
            failed=number, cpu_percent=60.0 + number, memory_bytes=(23 + number % 3) << 27,
        )  # fmt: skip
        busy = 8 + number % 5
        running = [
            make_task(
                "RUNNING", workspace=home, node_id=node.id, name=f"Charge order {48_700 + each}",
                queue="billing" if each < 3 else "email", attempt=1,
                type="charge-card" if each < 3 else "send-email",
                started_at=at - timedelta(seconds=30 - each),
            )
            for each in range(busy)
        ]  # fmt: skip
        Node.objects.filter(id=node.id).update(
            running=busy,
            slots=[
                {"slot": 4_000 + each, "running": int(each < busy),
                 "taskId": str(running[each].id) if each < busy else None,
                 "startedAt": utc_z(running[each].started_at) if each < busy else None}
                for each in range(16)
            ],
        )  # fmt: skip
        for half in range(60):
            make_sample(
                node, ago=timedelta(seconds=30 * half), cpu_percent=55 + random.uniform(0, 20),
                memory_bytes=(3 << 30) + random.randrange(1 << 27),
                running=busy, processed=12_400 - 103 * half, failed=max(0, 9 - half // 4),
            )  # fmt: skip
        living.append(node)
    for number in range(20):
        is_bad = number % 7 == 3
        task = make_task(
            "FAILED" if is_bad else "COMPLETED", workspace=home, queue="email", type="send-email",
            name=f"Receipt for order {48_100 + number}",
        )  # fmt: skip
        error = make_error("connection closed", name="SMTPServerDisconnected") if is_bad else None
        make_attempts(
            task, [1], node_id=living[0].id, at=at - timedelta(seconds=5 * number), error=error,
            outcome="FAILED" if is_bad else "SUCCEEDED",
        )  # fmt: skip
    return {"node": living[0], "lost": _make_lost(home, at)}


def _make_lost(home: Workspace, at: datetime) -> Node:
    ended = at - timedelta(minutes=15)
    lost = make_node(
        "fra-05b", state="LOST", stopped_at=ended, concurrency=16, release="4.12.0", host="fra-05",
        end_reason="It was killed by SIGKILL, exit code 137 (out of memory).",
        started_at=at - timedelta(minutes=39), heartbeat_at=ended, rescued=14,
        memory_bytes=(39 << 30) // 10, processed=8_410,
    )  # fmt: skip
    for half in range(48):
        grown = (18 << 30) // 10 + int((21 << 30) / 10 * ((47 - half) / 47) ** 3)
        make_sample(lost, ago=timedelta(seconds=900 + 30 * half), memory_bytes=grown)
    for number in range(14):
        state = "FAILED" if not number else "COMPLETED"
        task = make_task(state, workspace=home, queue="reports", type="render-report",
                         name=f"Monthly report NL-{200 + number}", attempt=2)  # fmt: skip
        make_attempts(task, [1], node_id=lost.id, outcome="LOST", at=ended)
    return lost


def _make_pool(at: datetime) -> None:
    make_leader("dispatcher")
    make_leader()
    set_pool(backend="docker", target=8, ready=8, starting=0, draining=0, decided_at=at)
    steps = [(340, 6, 7, "forecast"), (300, 7, 8, "wait"), (200, 8, 6, "load"),
             (120, 6, 7, "backlog"), (25, 7, 8, "wait")]  # fmt: skip
    for minutes, before, after, rule in steps:
        make_scaling_event(
            ago=minutes * 60, from_workers=before, to_workers=after, recommended_workers=after,
            rule=rule, sentence=f"{before} → {after} workers. The predicted wait in 31 s is 41 s "
            f"with {before}, 12 s with {after}; the limit is 30 s (objective 60 s).",
        )  # fmt: skip
