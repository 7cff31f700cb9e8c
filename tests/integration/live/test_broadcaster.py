"""The broadcaster reads once for all, and one topic's fault is its own."""

import asyncio
import logging
from collections import Counter
from typing import Any
from uuid import UUID

import pytest
import redis
from django.conf import settings
from django.db import OperationalError

from controlplane.live import topics
from controlplane.live.topics import Topic, list_topics
from tests.clients import key_client, other_workspace
from tests.sockets import DirectClient

pytestmark = pytest.mark.django_db(transaction=True)


class Figures:
    """A topic whose reads a test decides."""

    def __init__(self) -> None:
        self.reads: Counter[UUID] = Counter()
        self.value: Any = 0
        self.error: Exception | None = None

    def read(self, workspace_id: UUID, _key: str) -> dict[str, Any]:
        self.reads[workspace_id] += 1
        if self.error is not None:
            raise self.error
        return {"value": self.value}


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> Figures:
    """The topic `figures`, beside those of the product."""
    list_topics()
    found = Figures()
    made = Topic("figures", read=found.read, resource="tasks")
    monkeypatch.setitem(topics._registered, "figures", made)
    return found


def key(**options: Any) -> str:
    return str(key_client("viewer", **options).defaults["HTTP_AUTHORIZATION"])


async def open_all(sockets: list[DirectClient], authorization: str) -> None:
    for socket in sockets:
        await socket.__aenter__()
        socket.send(authorization=authorization, subscribe=["figures"])
    for socket in sockets:
        await socket.snapshot("figures")


async def close_all(sockets: list[DirectClient]) -> None:
    for socket in sockets:
        await socket.__aexit__()


def test_one_read_serves_all_viewers_of_a_workspace(figures: Figures) -> None:
    ours, theirs = key(), key(workspace=other_workspace())

    async def story() -> None:
        many, other = [DirectClient() for _ in range(20)], [DirectClient()]
        await open_all(many, ours)
        await open_all(other, theirs)
        before = figures.reads.total()
        await asyncio.sleep(3)
        # One a second for each of the two workspaces, however many watch.
        assert before < figures.reads.total() <= before + 8
        assert len(figures.reads) == 2
        figures.value = 1
        for socket in many:
            await socket.wait_for(lambda s=socket: s.snapshots["figures"]["value"] == 1, "the news")
        assert all(len(socket.of_kind("change")) == 1 for socket in many)
        await close_all(many + other)

    asyncio.run(story())


def test_a_topic_that_was_left_and_is_read_again_has_new_numbers(figures: Figures) -> None:
    authorization = key()

    async def story() -> None:
        socket = DirectClient()
        await open_all([socket], authorization)
        with redis.Redis.from_url(settings.CHANNELS_REDIS_URL) as client:
            for _ in range(20):
                client.delete("taskplane:live:watched")
                await asyncio.sleep(0.05)
        figures.value = 1
        await socket.wait_for(lambda: socket.snapshots["figures"]["value"] == 1, "the news")
        await close_all([socket])

    asyncio.run(story())


@pytest.mark.parametrize("error", [OperationalError("gone"), KeyError("a mistake")])
def test_a_read_that_fails_is_logged_once_and_the_data_grows_old(
    figures: Figures, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    authorization = key()
    caplog.set_level(logging.WARNING, "controlplane.live")

    async def story() -> None:
        async with DirectClient() as socket:
            socket.send(authorization=authorization, subscribe=["figures", "queues"])
            await socket.snapshot("figures")
            await socket.snapshot("queues")
            figures.error, failed_at = error, figures.reads.total()
            await socket.wait_for(lambda: figures.reads.total() > failed_at + 2, "failed reads")
            await socket.wait_for(
                lambda: ages(socket)["queues"] > ages(socket)["figures"], "an old topic"
            )
            figures.error, figures.value = None, 2
            await socket.wait_for(
                lambda: socket.snapshots["figures"]["value"] == 2, "the new figure"
            )

    asyncio.run(story())
    assert len([each for each in caplog.records if "figures" in each.getMessage()]) == 1


def ages(socket: DirectClient) -> dict[str, str]:
    found: dict[str, str] = socket.of_kind("heartbeat")[-1]["topics"]
    return found
