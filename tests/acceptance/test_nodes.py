"""A worker as its node shows it: figures, samples, its own HTTP service, and its gentle end."""

import re
from typing import Any
from uuid import UUID

import httpx

from tasks_app.services import submit_task, submit_tasks
from tasks_app.specs import TaskSpec
from tests.clients import key_client
from tests.engine import Engine
from tests.standing import pause_schedules
from workers.models import Node


def submit(task_type: str, payload: dict[str, Any] | None = None) -> UUID:
    return submit_task(spec=TaskSpec(type=task_type, payload=payload or {}))


def metrics_of(node: Node) -> dict[str, float]:
    text = httpx.get(f"http://127.0.0.1:{node.health_port}/metrics").text
    found = re.findall(r"^taskplane_node_(\w+)\{[^}]*\} (\S+)$", text, re.MULTILINE)
    return {name: float(value) for name, value in found}


def figures(node: Node) -> tuple[int, int]:
    node.refresh_from_db()
    return node.processed, node.failed


def test_a_node_is_seen_and_drained(engine: Engine) -> None:
    """One worker: it counts what it ran, also over the death of a pool child; it is sampled; when
    drained, it finishes its task, takes no other, and ends."""
    engine.dispatcher()
    pause_schedules(engine)  # the health check would be counted, too
    worker = engine.worker(concurrency=1, METRICS_COLLECTION_INTERVAL="300")
    node = Node.objects.get()
    client = key_client("operator")

    engine.wait_for_all([*submit_tasks(specs=[TaskSpec(type="noop")] * 40), submit("test-fail")])
    engine.wait(lambda: figures(node) == (41, 1), "the figures of 41 tasks")
    engine.wait_for(submit("test-kill-self", {"times": 1}))
    # One task more, at its second attempt; what the lost process had counted is kept.
    engine.wait(lambda: figures(node) == (42, 1), "the figures after the death of a pool child")

    newest = engine.wait(lambda: node.samples.filter(processed=42).first(), "a sample")
    assert newest.memory_bytes > 20 << 20
    assert 0 <= newest.cpu_percent < 6_400
    seen = metrics_of(node)
    assert (seen["up"], seen["draining"], seen["slots"]) == (1, 0, 1)
    assert (seen["tasks_ended_total"], seen["tasks_failed_total"]) == (42, 1)
    assert seen["memory_bytes"] > 20 << 20
    assert seen["canary_age_seconds"] < 60

    running = submit("test-work", {"ms": 2_500})
    engine.wait_for(running, state="RUNNING")
    engine.wait(lambda: figures(node) and node.running == 1, "a heartbeat with the task")
    (slot,) = client.get(f"/system/nodes/{node.id}").json()["slots"]
    assert (slot["taskId"], slot["type"]) == (str(running), "test-work")

    answer = client.post(f"/system/nodes/{node.id}/drain")
    assert (answer.status_code, answer.json()["status"]) == (200, "DRAINING")
    later = submit("noop")
    assert worker.process.wait(20) == 0
    assert engine.wait_for(running).state == "COMPLETED"
    assert engine.wait_for(later, state="PENDING").attempt == 0
    assert figures(node) == (43, 1)
    assert (node.state, node.running) == ("STOPPED", 0)
    assert client.post(f"/system/nodes/{node.id}/drain").status_code == 409
