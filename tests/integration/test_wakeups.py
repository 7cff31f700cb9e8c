"""Wake-ups in a real broker: enough of them, never a heap."""

import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from celery import current_app
from kombu import Connection

from tasks_app.wakeup_senders import (
    MAX_WAKE_UPS,
    ListSender,
    MessageSender,
    WakeUpSender,
    count_waiting_messages,
)
from tasks_app.wakeups import Notifier
from workers.canary import Canary, canary_queue
from workers.naming import celery_queue
from workers.node_state import SharedNodeState
from workers.wake_up_lists import EARLY, wake_up_list


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
    redis_of(broker).delete(celery_queue(name), wake_up_list(name))


@pytest.fixture(params=[ListSender, MessageSender])
def sender(request: pytest.FixtureRequest) -> Iterator[WakeUpSender]:
    """Both ways; Celery messages are what another broker than Redis carries."""
    made = request.param()
    yield made
    made.close()


def count_waiting(broker: Connection, queue: str) -> int:
    """In the list and in the Celery queue."""
    return int(redis_of(broker).llen(wake_up_list(queue))) + count_waiting_messages(broker, queue)


def test_bells_that_nobody_hears_do_not_pile_up(
    broker: Connection, queue: str, sender: WakeUpSender
) -> None:
    """Tasks that come one by one while no worker runs: each of them would leave one in Redis."""
    for _ in range(12):
        for _ in range(4):
            sender.send(queue, 1)
            sender.send_at_once(queue, 1)
        time.sleep(0.11)
    sender.settle()
    assert count_waiting(broker, queue) == MAX_WAKE_UPS


def test_one_bell_is_sent_at_once_and_many_are_enough(
    broker: Connection, queue: str, sender: WakeUpSender
) -> None:
    assert sender.send(queue, 1) == 1
    assert sender.send(queue, 1_000) == MAX_WAKE_UPS - 1
    assert sender.send(queue, 1_000) == 0
    redis_of(broker).delete(celery_queue(queue), wake_up_list(queue))
    assert sender.send(queue, 1) == 1


def test_a_list_of_wake_ups_does_not_last(broker: Connection, queue: str) -> None:
    sender = ListSender()
    sender.send(queue, 1)
    sender.close()
    assert 0 < redis_of(broker).ttl(wake_up_list(queue)) <= 60


def test_a_wake_up_is_sent_by_its_caller_once_the_thread_has_connected(
    broker: Connection, queue: str
) -> None:
    notifier = Notifier()
    assert notifier._thread is None
    notifier.notify(queue, 1)
    assert notifier.flush(5)
    with notifier._condition:  # the thread can take nothing
        notifier.notify(queue, 2)
        assert not notifier._notes
        assert notifier._sender is not None
        notifier._sender.settle()
    assert count_waiting(broker, queue) == 3


def test_a_full_queue_is_left_to_the_thread_and_holds_up_no_other(
    broker: Connection, queue: str
) -> None:
    notifier = Notifier()
    other = f"{queue}-other"
    for _ in range(3):  # the last one finds the list full
        notifier.notify(queue, MAX_WAKE_UPS)
        assert notifier.flush(5)
    with notifier._condition:  # the thread can take nothing
        notifier.notify(queue, 1)
        notifier.notify(other, 1)
        assert notifier._notes == {queue: 1}
    assert notifier.flush(5)
    assert count_waiting(broker, queue) == MAX_WAKE_UPS
    assert count_waiting(broker, other) == 1
    redis_of(broker).delete(wake_up_list(queue), wake_up_list(other))
    notifier.notify(queue, 1)  # by the thread, which sees that there is room
    assert notifier.flush(5)
    with notifier._condition:
        notifier.notify(queue, 1)
        assert not notifier._notes
    assert notifier.flush(5)
    assert count_waiting(broker, queue) == 2


def test_an_early_wake_up_is_sent_only_where_none_waits(broker: Connection, queue: str) -> None:
    sender = ListSender()
    assert not sender.send_early(queue)  # nothing is known of it
    assert sender.send(queue, 1) == 1
    redis_of(broker).delete(wake_up_list(queue))  # as a slot takes it
    assert sender.send_early(queue)
    sender.settle()
    assert redis_of(broker).lrange(wake_up_list(queue), 0, -1) == [EARLY.encode()]
    assert sender.send_at_once(queue, 1)
    sender.settle()
    assert not sender.send_early(queue)
    assert sender.send_at_once(queue, 1)
    sender.close()
    assert not MessageSender().send_early(queue)


def test_a_wake_up_is_sent_again_when_the_connection_was_lost(
    broker: Connection, queue: str
) -> None:
    notifier = Notifier()
    notifier.notify(queue, 1)
    assert notifier.flush(5)
    sender = notifier._sender
    redis_of(broker).client_kill_filter(_type="normal", skipme=True)
    notifier.notify(queue, 1)
    assert notifier.flush(5)
    assert notifier._sender is not sender
    assert count_waiting(broker, queue) == 2


def test_a_broker_that_refuses_ends_neither_the_ringer_nor_the_agent(
    broker: Connection, queue: str
) -> None:
    """As one that is full, or a replica, does: here a key of another kind is in the way."""
    client = redis_of(broker)
    client.set(wake_up_list(queue), "no list")
    notifier = Notifier()
    notifier.notify(queue, 1)
    assert notifier.flush(5)
    thread = notifier._thread
    client.delete(wake_up_list(queue))
    notifier.notify(queue, 1)
    assert notifier.flush(5)
    assert notifier._thread is thread
    assert count_waiting(broker, queue) == 1

    node_state = SharedNodeState()
    node_state.is_ready = True
    client.set(canary_queue(queue).name, "no list")
    canary = Canary(node_state, queue)
    canary.send_if_due()
    client.delete(canary_queue(queue).name)
    assert canary.seconds_without_answer() == 0
