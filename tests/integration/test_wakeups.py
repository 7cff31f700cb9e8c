"""Wake-ups in a real broker: enough of them, never a heap."""

import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from celery import current_app
from kombu import Connection

from tasks_app.wakeups import MAX_WAKE_UPS, Notifier, WakeUpSender, count_waiting_wake_ups
from workers.canary import Canary, canary_queue
from workers.naming import celery_queue
from workers.node_state import SharedNodeState


@pytest.fixture
def broker() -> Iterator[Connection]:
    with current_app.connection_for_write() as connection:
        yield connection


def redis_of(broker: Connection) -> Any:
    """The client of the broker's channel."""
    channel: Any = broker.default_channel
    return channel.client


@pytest.fixture
def queue(broker: Connection) -> Iterator[str]:
    """A queue that nobody serves."""
    name = f"deserted-{uuid4().hex}"
    yield name
    redis_of(broker).delete(celery_queue(name))


def test_bells_that_nobody_hears_do_not_pile_up(broker: Connection, queue: str) -> None:
    """Tasks that come one by one while no worker runs: each of them would leave one in Redis."""
    sender = WakeUpSender()
    for _ in range(12):
        for _ in range(4):
            sender.send(queue, 1)
        time.sleep(0.11)
    sender.close()
    assert count_waiting_wake_ups(broker, queue) == MAX_WAKE_UPS


def test_one_bell_is_sent_at_once_and_many_are_enough(broker: Connection, queue: str) -> None:
    sender = WakeUpSender()
    assert sender.send(queue, 1) == 1
    assert sender.send(queue, 1_000) == MAX_WAKE_UPS - 1
    assert sender.send(queue, 1_000) == 0
    redis_of(broker).delete(celery_queue(queue))
    assert sender.send(queue, 1) == 1
    sender.close()


def test_a_broker_that_refuses_ends_neither_the_ringer_nor_the_agent(
    broker: Connection, queue: str
) -> None:
    """As one that is full, or a replica, does: here a key of another kind is in the way."""
    client = redis_of(broker)
    client.set(celery_queue(queue), "no list")
    notifier = Notifier()
    notifier.notify(queue, 1)
    assert notifier.flush(5)
    thread = notifier._thread
    client.delete(celery_queue(queue))
    notifier.notify(queue, 1)
    assert notifier.flush(5)
    assert notifier._thread is thread
    assert count_waiting_wake_ups(broker, queue) == 1

    node_state = SharedNodeState()
    node_state.is_ready = True
    client.set(canary_queue(queue).name, "no list")
    canary = Canary(node_state, queue)
    canary.send_if_due()
    client.delete(canary_queue(queue).name)
    assert canary.seconds_without_answer() == 0
