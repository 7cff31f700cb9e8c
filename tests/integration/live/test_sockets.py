"""One socket: who may watch what, and what a client gets."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from tests.clients import key_client
from tests.factories import make_task
from tests.sockets import DirectClient

pytestmark = pytest.mark.django_db(transaction=True)


def run(story: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(story())


def authorization(**options: Any) -> str:
    """The header of a new key."""
    return key_client(**options)._credentials["HTTP_AUTHORIZATION"]


def test_a_key_in_the_first_message_watches_tasks() -> None:
    client = key_client("viewer")
    header = client.headers if hasattr(client, "headers") else None
    key = client.defaults["HTTP_AUTHORIZATION"]

    async def story() -> None:
        async with DirectClient() as socket:
            socket.send(authorization=key, subscribe=["tasks"])
            found = await socket.snapshot("tasks")
            assert found["total"] == 0
            await sync_to_async(make_task, thread_sensitive=False)()
            await socket.wait_for(lambda: socket.snapshots["tasks"]["total"] == 1, "the new task")
            assert socket.of_kind("change")
            await socket.wait_for(lambda: socket.of_kind("heartbeat"), "a heartbeat")

    run(story)
