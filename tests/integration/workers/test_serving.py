"""A pool child that stops to wait for wake-ups loses none: the next slot gets it."""

import select
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import redis
from django.conf import settings

from workers.node_state import SharedNodeState
from workers.runtime import Runtime
from workers.serving import WakeUps
from workers.wake_up_lists import EARLY, wake_up_list

ROUNDS = 200


@pytest.fixture
def client() -> Iterator[Any]:
    with redis.Redis.from_url(settings.CELERY_BROKER_URL, decode_responses=True) as client:
        yield client


@pytest.fixture
def runtime(tmp_path: Path) -> Runtime:
    """A worker that takes work of one queue, which nobody else serves."""
    state = SharedNodeState()
    state.node_id, state.is_active = 1, True
    return Runtime("one", state, tmp_path, serves_all=False, queues=[f"served-{uuid4().hex}"])


@pytest.fixture
def wake_ups(runtime: Runtime) -> Iterator[WakeUps]:
    found = WakeUps(runtime)
    yield found
    found.close()


def ask(wake_ups: WakeUps) -> None:
    """Wait, as far as Redis is concerned."""
    wake_ups._connect()
    wake_ups._ask()


@pytest.mark.parametrize("entry", ["an-ordinary-one", EARLY])
def test_a_wake_up_that_comes_together_with_a_recall_goes_back(
    runtime: Runtime, wake_ups: WakeUps, client: Any, entry: str
) -> None:
    waiting = wake_up_list(runtime.queues[0])
    ask(wake_ups)
    client.lpush(waiting, entry)
    assert select.select([wake_ups._redis._sock], [], [], 10)[0], "Redis does not answer"
    client.lpush(waiting, "a-later-one")
    assert client.llen(waiting) == 1
    runtime.recall.request()
    assert wake_ups.next_one() is None
    assert client.lrange(waiting, 0, -1) == ["a-later-one", entry]
    assert 0 < client.ttl(waiting) <= 60
    client.delete(waiting)


def test_a_child_that_is_recalled_takes_no_later_wake_up(
    runtime: Runtime, wake_ups: WakeUps, client: Any
) -> None:
    """Also none that comes before Redis has seen that its connection is closed."""
    waiting = wake_up_list(runtime.queues[0])
    for _ in range(ROUNDS):
        ask(wake_ups)
        runtime.recall.request()
        assert wake_ups.next_one() is None
        client.lpush(waiting, "for-another")
        assert client.lpop(waiting) == "for-another"


def test_it_leaves_nothing_in_redis(runtime: Runtime, wake_ups: WakeUps, client: Any) -> None:
    before = set(client.keys("taskplane:*"))
    for _ in range(3):
        ask(wake_ups)
        runtime.recall.request()
        assert wake_ups.next_one() is None
    assert set(client.keys("taskplane:*")) <= before


def test_a_worker_that_takes_no_work_waits_for_nothing(
    runtime: Runtime, wake_ups: WakeUps, client: Any
) -> None:
    """It drains: what it was given at that moment is for another worker."""
    waiting = wake_up_list(runtime.queues[0])
    ask(wake_ups)
    client.lpush(waiting, "for-another")
    runtime.node_state.is_draining = True
    wake_ups.stop_waiting()
    assert client.lpop(waiting) == "for-another"
