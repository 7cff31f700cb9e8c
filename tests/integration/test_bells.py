"""Bells in a real broker: enough of them, never a heap."""

import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from celery import current_app
from kombu import Connection

from tasks_app.ring import MOST_BELLS, Belfry, Ringer, waiting_bells
from workers.bells import celery_queue
from workers.canary import Canary, canary_queue
from workers.nodepage import NodePage


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
    """Tasks that come by and by while no worker runs: each of them would leave one in Redis."""
    belfry = Belfry()
    for _ in range(12):
        for _ in range(4):
            belfry.ring(queue, 1)
        time.sleep(0.11)
    belfry.close()
    assert waiting_bells(broker, queue) == MOST_BELLS


def test_one_bell_is_sent_at_once_and_many_are_enough(broker: Connection, queue: str) -> None:
    belfry = Belfry()
    assert belfry.ring(queue, 1) == 1
    assert belfry.ring(queue, 1_000) == MOST_BELLS - 1
    assert belfry.ring(queue, 1_000) == 0
    redis_of(broker).delete(celery_queue(queue))
    assert belfry.ring(queue, 1) == 1
    belfry.close()


def test_a_broker_that_refuses_ends_neither_the_ringer_nor_the_agent(
    broker: Connection, queue: str
) -> None:
    """As one that is full, or a replica, does: here a key of another kind is in the way."""
    client = redis_of(broker)
    client.set(celery_queue(queue), "no list")
    ringer = Ringer()
    ringer.note(queue, 1)
    assert ringer.flush(5)
    thread = ringer._thread
    client.delete(celery_queue(queue))
    ringer.note(queue, 1)
    assert ringer.flush(5)
    assert ringer._thread is thread
    assert waiting_bells(broker, queue) == 1

    page = NodePage()
    page.is_ready = True
    client.set(canary_queue(queue).name, "no list")
    canary = Canary(page, queue)
    canary.keep_singing()
    client.delete(canary_queue(queue).name)
    assert canary.silent_seconds() == 0
