"""Queues, nodes, types and tasks, full of one text."""

from datetime import timedelta
from typing import Any

from controlplane.core.clock import now
from controlplane.workspaces.models import Workspace
from tasks_app.models import Queue, QueueDescriptor, Rollup, Task, TaskDependency, TypeDeclaration
from tests.corpus import cut
from tests.corpusrows.fields import make_error, payload_of, write
from tests.factories import (
    make_attempt,
    make_declaration,
    make_log,
    make_node,
    make_queue,
    make_sample,
    make_task,
)
from workers.models import Node


def hostile_queue(text: str, number: int, home: Workspace) -> Queue:
    queue = make_queue(f"corpus-{number}", home)
    described = {"title": cut(text, 100), "description": cut(text, 2_000), "owner": cut(text, 100)}
    QueueDescriptor.objects.create(queue=queue, **described, runbook=cut(f"javascript:{text}", 500))
    is_paused = bool(number % 2)
    write(
        queue,
        name=cut(text, 100),
        paused_at=now() if is_paused else None,
        paused_by=cut(text, 200) if is_paused else "",
        pause_reason=cut(text, 500) if is_paused else "",
    )
    at = now().replace(second=0, microsecond=0) - timedelta(minutes=2)
    counts = dict.fromkeys(
        ("submitted", "started", "completed", "failed", "retried", "lost", "cancelled"), 1
    )
    Rollup.objects.create(
        workspace_id=home.id, seconds=60, at=at, queue_id=queue.id, type=cut(text, 200),
        run_ms=1.0, wait_ms=1.0, runs={"5": 1}, waits={"5": 1}, **counts, failed_tasks=1,
    )  # fmt: skip
    return queue


def hostile_node(text: str, number: int) -> Node:
    node = make_node(f"corpus-{number}", heartbeat_at=now(), cpu_percent=1.5, memory_bytes=1 << 30)
    is_lost = bool(number % 2)
    ended: dict[str, Any] = {"state": "LOST", "stopped_at": now()} if is_lost else {}
    write(
        node,
        name=cut(text, 110) + str(number),
        host=cut(text, 255),
        version=cut(text, 40),
        release=cut(text, 80),
        queues=[cut(text, 100)],
        end_reason=cut(text, 300) if is_lost else "",
        slots=[{"slot": 4_000, "running": 1, "taskId": None, "startedAt": None}],
        **ended,
    )
    make_sample(node)
    return node


def hostile_declaration(text: str, number: int, node: Node) -> TypeDeclaration:
    """As a node would never send it: every part is hostile."""
    described = {"title": text, "description": text, "owner": text, "runbook": f"javascript:{text}"}
    nodes = [node] if number % 3 else []
    return make_declaration(cut(text, 200), nodes, **described, queue=text,
                            payloadSchema=payload_of(text), retryRule=text)  # fmt: skip


def hostile_task(text: str, queue: Queue, node: Node) -> Task:
    """Failed, with a parent and a child, an attempt and log lines; a waiting and a running one of
    the same name stand beside it."""
    values: dict[str, Any] = {"name": cut(text, 200), "type": cut(text, 200), "queue": queue}
    task = make_task("FAILED", payload=payload_of(text), error=make_error(text), attempt=1)
    write(task, **values, result=payload_of(text), tags=[cut(text, 100)], step_key=cut(text, 100),
          idempotency_key=cut(text, 255), submitted_by=cut(f"key:{text}", 220))  # fmt: skip
    attempt = make_attempt(task, outcome="FAILED", node_id=node.id, error=make_error(text))
    write(attempt, type=cut(text, 200))
    write(make_log(task, text), level=cut(text, 8), fields=payload_of(text))
    for state in ("PENDING", "RUNNING"):
        place = {"node_id": node.id} if state == "RUNNING" else {}
        other = make_task(state, **place)
        write(other, **values, tags=[cut(text, 100)], created_at=now() - timedelta(minutes=9))
        TaskDependency.objects.create(task=other, depends_on=task, is_satisfied=True)
    child = make_task("COMPLETED", has_dependents=True)
    write(child, **values)
    TaskDependency.objects.create(task=task, depends_on=child, is_satisfied=True)
    return task
