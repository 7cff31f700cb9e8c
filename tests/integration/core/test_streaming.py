"""Streamed responses behind the ASGI handler: piece by piece, and closed however they end."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from asgiref.testing import ApplicationCommunicator
from django.http import FileResponse, HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.urls import path

from controlplane.core.http.asgi import get_http_application

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.urls(__name__)]

PIECES = 5


class Source:
    """Pieces, and their results."""

    def __init__(self, *, fails_at: int | None = None) -> None:
        self.fails_at = fails_at
        self.made = 0
        self.is_closed = False
        self.threads: set[int] = set()

    def __iter__(self) -> Iterator[bytes]:
        try:
            for number in range(PIECES):
                if number == self.fails_at:
                    raise OSError("The source is gone.")
                self.made += 1
                self.threads.add(threading.get_ident())
                yield b"piece"
        finally:
            self.is_closed = True


source = Source()


def stream(request: HttpRequest) -> HttpResponseBase:
    return StreamingHttpResponse(iter(source))


def file(request: HttpRequest) -> HttpResponseBase:
    return FileResponse(Path(__file__).open("rb"))


urlpatterns = [path("stream", stream), path("file", file)]


@pytest.fixture(autouse=True)
def fresh() -> None:
    use(Source())


def use(new: Source) -> Source:
    global source
    source = new
    return new


def peer(address: str, method: str = "GET") -> ApplicationCommunicator:
    scope = {
        "type": "http",
        "method": method,
        "path": address,
        "query_string": b"",
        "headers": [(b"host", b"testserver")],
    }
    return ApplicationCommunicator(get_http_application(), scope)


async def read(client: ApplicationCommunicator) -> list[bytes]:
    """The pieces until the final one."""
    await client.send_input({"type": "http.request", "body": b""})
    assert (await client.receive_output(5))["type"] == "http.response.start"
    pieces = []
    while True:
        message: dict[str, Any] = await client.receive_output(5)
        if not message.get("more_body"):
            await client.wait()
            return pieces
        pieces.append(message["body"])


def test_pieces_are_sent_one_by_one_from_one_thread() -> None:
    assert async_to_sync(read)(peer("/stream")) == [b"piece"] * PIECES
    assert (source.is_closed, len(source.threads)) == (True, 1)
    assert threading.get_ident() not in source.threads


def test_a_slow_client_is_waited_for() -> None:
    gate, has_first = asyncio.Event(), asyncio.Event()

    async def talk() -> None:
        async def send(message: Any) -> None:
            if message.get("more_body"):
                has_first.set()
                await gate.wait()

        inputs: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        inputs.put_nowait({"type": "http.request", "body": b""})
        scope = peer("/stream").scope
        request = asyncio.ensure_future(get_http_application()(scope, inputs.get, send))
        await has_first.wait()
        await asyncio.sleep(0.1)
        assert source.made == 1
        gate.set()
        await request

    async_to_sync(talk)()
    assert source.made == PIECES


def test_a_source_that_fails_leaves_the_response_without_an_end() -> None:
    failing = use(Source(fails_at=2))

    async def talk() -> list[dict[str, Any]]:
        client = peer("/stream")
        await client.send_input({"type": "http.request", "body": b""})
        messages = [await client.receive_output(5) for _ in range(3)]
        with pytest.raises(OSError, match="The source is gone"):
            await client.wait()
        assert client.output_queue.empty()
        return messages

    messages = async_to_sync(talk)()
    assert [message.get("more_body") for message in messages] == [None, True, True]
    assert failing.is_closed


def test_a_client_that_leaves_closes_the_source() -> None:
    async def talk() -> None:
        client = peer("/stream")
        await client.send_input({"type": "http.request", "body": b""})
        await client.receive_output(5)
        await client.receive_output(5)
        await client.send_input({"type": "http.disconnect"})
        await client.wait()

    async_to_sync(talk)()
    assert source.is_closed


def test_a_head_request_produces_nothing() -> None:
    assert async_to_sync(read)(peer("/stream", "HEAD")) == []
    assert source.made == 0


def test_a_file_is_streamed() -> None:
    assert b"".join(async_to_sync(read)(peer("/file"))) == Path(__file__).read_bytes()
