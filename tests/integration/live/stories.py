"""The story of a socket in a test: it runs in an event loop, with rows of other threads."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from django.conf import settings
from django.db import connection

from tests.clients import key_client
from tests.sockets import DirectClient


def run(story: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(story())


async def in_thread(function: Callable[..., Any], *args: Any, **options: Any) -> Any:
    def call() -> Any:
        try:
            return function(*args, **options)
        finally:
            connection.close()

    return await asyncio.to_thread(call)


def key(role: str = "viewer", **options: Any) -> str:
    """The authorization of a new key."""
    return str(key_client(role, **options).defaults["HTTP_AUTHORIZATION"])


def page(client: Any, **headers: str) -> DirectClient:
    """A socket of a page that this client has opened."""
    cookie = f"{settings.SESSION_COOKIE_NAME}={client.session.session_key}"
    return DirectClient(**{"cookie": cookie, "origin": "http://testserver", **headers})
