"""WebSockets that uvicorn has accepted, as Daphne serves them on the same port."""

import struct
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from controlplane.embedded import processes
from tests.engine import Component, wait_until
from tests.rawhttp import RawClient

HEADERS = (
    "Upgrade: websocket",
    "Connection: keep-alive, Upgrade",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="  # that of RFC 6455
TEXT, CLOSE = 1, 8


@pytest.fixture
def server(component_env: dict[str, str], tmp_path: Path) -> Iterator[tuple[str, Component]]:
    port = processes.free_port()
    log = tmp_path / "echo.log"
    component = Component(["-m", "tests.websocket_echo", str(port)], component_env, log)
    url = f"http://127.0.0.1:{port}"
    with httpx.Client() as client:
        wait_until(lambda: answers(client, url), "the server")
    yield url, component
    assert component.stop() == 0
    assert "Traceback" not in component.output()


def answers(client: httpx.Client, url: str) -> bool:
    try:
        return client.get(url).status_code == 200
    except httpx.TransportError:
        return False


def frame(text: bytes, kind: int = TEXT) -> bytes:
    """A whole message as a client sends it, with a mask of zeros."""
    length = bytes([128 | len(text)]) if len(text) < 126 else struct.pack("!BQ", 255, len(text))
    return bytes([128 | kind]) + length + bytes(4) + text


def read_frame(client: RawClient) -> tuple[int, bytes]:
    """Kind and content of a short message."""
    kind, length = client.socket.recv(1)[0] & 15, client.socket.recv(1)[0]
    return kind, client.read(length) if length else b""


def shake_hands(client: RawClient) -> None:
    client.send("GET /a?b=1", *HEADERS)
    status, head = client.read_head()
    assert (status, ACCEPT in head) == (101, True)


def open_sockets(url: str) -> int:
    return int(httpx.get(url).text)


def test_messages_go_both_ways(server: tuple[str, Component]) -> None:
    with RawClient(server[0]) as client:
        shake_hands(client)
        for text in (b"one", b"two"):
            client.socket.sendall(frame(text))
            assert read_frame(client) == (TEXT, b"/a " + text)
        client.socket.sendall(frame(struct.pack("!H", 1000), CLOSE))
        assert read_frame(client)[0] == CLOSE


def test_sockets_and_requests_share_the_port(server: tuple[str, Component]) -> None:
    url, _ = server
    clients = [RawClient(url) for _ in range(20)]
    try:
        for client in clients:  # all at once: the first of them is still waiting for Daphne
            client.send("GET /many", *HEADERS)
        for client in clients:
            assert client.read_head()[0] == 101
        assert open_sockets(url) == 20
        for client in clients:
            client.socket.sendall(frame(b"x"))
        assert [read_frame(client) for client in clients] == [(TEXT, b"/many x")] * 20
    finally:
        for client in clients:
            client.close()
    wait_until(lambda: open_sockets(url) == 0, "the end of all sockets")


def test_a_socket_may_follow_a_request_but_not_overtake_it(server: tuple[str, Component]) -> None:
    with RawClient(server[0]) as client:
        client.send("GET /")
        assert client.read_head()[0] == 200
        client.read(len(b"1\r\n0\r\n0\r\n\r\n"))
        shake_hands(client)
    with RawClient(server[0]) as client:
        upgrade = "\r\n".join(["GET /a HTTP/1.1", "Host: localhost", *HEADERS, "", ""])
        client.send("GET /", body=upgrade.encode())  # in one piece: before the first is answered
        answer, _ = client.read_to_end()
        assert b"HTTP/1.1 101" not in answer


def test_what_daphne_refuses_is_refused(server: tuple[str, Component]) -> None:
    url, _ = server
    with RawClient(url) as client:
        client.send("GET /refused", *HEADERS)
        assert client.read_head()[0] == 403
    with RawClient(url) as client:
        client.send("GET /a", *(each.replace("13", "7") for each in HEADERS))
        assert client.read_head()[0] == 400
    with RawClient(url) as client:
        shake_hands(client)
        client.socket.sendall(frame(b"x" * 1_100_000))
        client.read_to_end()
    wait_until(lambda: open_sockets(url) == 0, "the end of the socket")


def test_clients_that_leave_at_once_leave_no_trace(server: tuple[str, Component]) -> None:
    url, component = server
    for _ in range(50):
        with RawClient(url) as client:
            client.send("GET /a", *HEADERS)
            client.socket.setsockopt(1, 13, struct.pack("ii", 1, 0))  # a reset
    wait_until(lambda: component.tree.num_fds() < 40, "the end of all sockets")
    assert open_sockets(url) == 0
