"""What a client may leave with the server: messages that nobody takes, pieces, pings."""

import asyncio
import struct
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from daphne.ws_protocol import WebSocketFactory
from twisted.internet.testing import StringTransport

from controlplane.core.http.server.daphne_sockets import (
    MESSAGE_MAX_BYTES,
    WAITING_MAX,
    WAITING_MAX_BYTES,
    GuardedSocket,
)

HANDSHAKE = b"\r\n".join(
    [
        b"GET /ws/live HTTP/1.1",
        b"Host: localhost",
        b"Upgrade: websocket",
        b"Connection: Upgrade",
        b"Sec-WebSocket-Version: 13",
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        b"",
        b"",
    ]
)
TEXT, CONTINUED, PING = 1, 0, 9
LAST = 128
CLOSED_WITH_4429 = b"\x88" + bytes([38]) + struct.pack("!H", 4429)


class Transport(StringTransport):
    """A connection with a socket whose buffer can be set."""

    def getHandle(self) -> Any:  # noqa: N802 - Twisted's name
        return SimpleNamespace(setsockopt=lambda *_: None)


class Client:
    """A client whose handshake has been answered, and the queue of its application."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        server = SimpleNamespace(
            root_path="",
            proxy_forwarded_address_header=None,
            protocol_connected=lambda _: None,
            protocol_disconnected=lambda _: None,
            create_application=lambda *_: self.queue,
            log_action=lambda *_: None,
        )
        factory = WebSocketFactory(server)
        factory.protocol = GuardedSocket
        self.server = factory.buildProtocol(None)
        self.server._raw_query_string = b""
        self.transport = Transport()
        self.transport.registerProducer(object(), True)
        self.server.makeConnection(self.transport)
        self.server.dataReceived(HANDSHAKE)
        assert self.queue.get_nowait() == {"type": "websocket.connect"}
        self.server.serverAccept()
        self.transport.clear()

    def send(self, content: bytes, kind: int = TEXT | LAST) -> None:
        """A frame, with a mask of zeros."""
        size = len(content)
        length = bytes([128 | size]) if size < 126 else struct.pack("!BQ", 255, size)
        self.server.dataReceived(bytes([kind]) + length + bytes(4) + content)

    @property
    def received(self) -> bytes:
        return self.transport.value()


@pytest.fixture
def client() -> Iterator[Client]:
    found = Client()
    yield found
    found.server.connectionLost(SimpleNamespace(value=None))


@pytest.mark.parametrize(
    ("content", "taken"),
    [(b"x", WAITING_MAX), (b"x" * MESSAGE_MAX_BYTES, WAITING_MAX_BYTES // MESSAGE_MAX_BYTES)],
)
def test_messages_that_nobody_takes_close_the_socket(
    client: Client, content: bytes, taken: int
) -> None:
    for _ in range(taken):
        client.send(content)
    assert client.received == b""
    client.send(content)
    assert client.received.startswith(CLOSED_WITH_4429)
    client.send(b"late")
    client.server.serverSend("late")
    assert client.queue.qsize() == taken
    assert b"late" not in client.received


def test_any_number_of_messages_may_be_taken(client: Client) -> None:
    for _ in range(3 * WAITING_MAX):
        client.send(b"x" * MESSAGE_MAX_BYTES)
        client.queue.get_nowait()
    assert client.received == b""


def test_a_message_of_empty_pieces_does_not_grow(client: Client) -> None:
    client.send(b"be", TEXT)
    for _ in range(1_000):
        client.send(b"", CONTINUED)
    assert len(client.server.message_data) == 1
    client.send(b"gin", CONTINUED | LAST)
    assert client.queue.get_nowait()["text"] == "begin"


def test_a_client_that_does_not_read_gets_few_answers_to_its_pings(client: Client) -> None:
    client.server._flow.pauseProducing()
    for _ in range(1_000):
        client.send(b"ping", PING | LAST)
    assert 0 < client.received.count(b"ping") < 50
    client.server._flow.resumeProducing()
    client.transport.clear()
    for _ in range(1_000):
        client.send(b"ping", PING | LAST)
    assert client.received.count(b"ping") == 1_000


def test_the_end_of_a_connection_wakes_an_application_that_waits(client: Client) -> None:
    async def wait() -> None:
        client.server._flow.pauseProducing()
        waiting = asyncio.ensure_future(client.server.wait_until_writable())
        await asyncio.sleep(0)
        client.server.dropConnection(abort=False)
        client.server.connectionLost(SimpleNamespace(value=None))
        await asyncio.wait_for(waiting, 10)

    asyncio.run(wait())
