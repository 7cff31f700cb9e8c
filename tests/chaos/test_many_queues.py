"""A worker that serves a thousand queues starts, stops, drains and reconnects in time."""

import time
from uuid import UUID

import pytest
from celery import current_app

from tasks_app.models import Queue
from tasks_app.services import submit_tasks
from tasks_app.specs import TaskSpec
from tasks_app.wakeup_senders import ListSender
from tests.chaos.servers import PrivateValkey
from tests.clients import default_workspace, key_client
from tests.engine import Component, Engine
from workers.models import Node

QUEUES = 990  # a workspace may have 1,000
# The grace of the test engine is 3 s; process managers kill what goes on 3.5 s after the grace.
STOP_SECONDS = 3 + 3.5


def make_queues() -> None:
    workspace = default_workspace()
    Queue.objects.bulk_create(Queue(workspace=workspace, name=f"many-{n}") for n in range(QUEUES))


def submit() -> list[UUID]:
    """One task in every tenth queue."""
    names = [f"many-{n}" for n in range(0, QUEUES, 10)]
    return submit_tasks(specs=[TaskSpec(type="noop", queue=name) for name in names])


@pytest.fixture
def worker(chaos: Engine) -> Component:
    make_queues()
    return chaos.worker(concurrency=2)


@pytest.fixture
def flooded(
    worker: Component, private_valkey: PrivateValkey, monkeypatch: pytest.MonkeyPatch
) -> Component:
    """A worker with enough pending wake-ups that its children always have one."""
    host, port, _ = private_valkey.env().values()
    monkeypatch.setattr(current_app.conf, "broker_write_url", f"redis://{host}:{port}/0")
    sender = ListSender()
    for n in range(QUEUES):
        sender.send(f"many-{n}", 4)
    sender.close()
    return worker


def test_it_stops_in_time_while_wake_ups_arrive(flooded: Component) -> None:
    assert flooded.stop(STOP_SECONDS) == 0
    assert Node.objects.get().state == "STOPPED"


def test_it_stops_in_time_without_redis(flooded: Component, private_valkey: PrivateValkey) -> None:
    private_valkey.kill()
    assert flooded.stop(STOP_SECONDS) == 0
    private_valkey.start()
    assert Node.objects.get().state == "STOPPED"


def test_it_stops_in_time_while_redis_does_not_answer(
    flooded: Component, private_valkey: PrivateValkey
) -> None:
    private_valkey.freeze()
    assert flooded.stop(STOP_SECONDS) == 0
    assert Node.objects.get().state == "STOPPED"


def test_queues_added_at_run_time_are_served_also_after_a_lost_connection_and_it_drains(
    chaos: Engine, private_valkey: PrivateValkey
) -> None:
    chaos.dispatcher()
    worker = chaos.worker(concurrency=2)
    make_queues()
    chaos.wait_for_all(submit())

    private_valkey.kill()
    private_valkey.start()
    chaos.wait_for_all(submit())

    node = Node.objects.get()
    assert key_client("operator").post(f"/system/nodes/{node.id}/drain").status_code == 200
    began = time.monotonic()
    assert worker.process.wait(60) == 0
    assert time.monotonic() - began < STOP_SECONDS
