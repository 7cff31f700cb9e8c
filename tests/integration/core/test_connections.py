"""Connections of uvicorn with our bounds, over real sockets, in front of a small application."""

import asyncio
import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import uvicorn

from controlplane.core.http import bodies
from controlplane.core.http.messages import (
    Message,
    Receive,
    Reply,
    Scope,
    Send,
    find_exchange,
)
from controlplane.core.http.server import connections
from controlplane.core.http.server.uvicorn import listen, make_server
from tests.engine import wait_until
from tests.rawhttp import RawClient

PIECE = b"x" * 65_536


class App:
    """Answers by path, and remembers the outcome of its requests."""

    def __init__(self) -> None:
        self.pieces = 0
        self.ends: list[str] = []
        self.sizes: list[int | None] = []  # of the bodies of /reply, before they were received
        self.scopes: list[Scope] = []
        self.waits = False
        self.may_end = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scopes.append(scope)
        if scope["path"].startswith("/reply"):
            exchange = find_exchange(scope)
            assert exchange is not None
            self.sizes.append(exchange.body_size)
        message: Message = {"more_body": True}
        body = b""
        while message.get("more_body"):
            message = await receive()
            if message["type"] == "http.disconnect":
                self.ends.append("left")
                return
            body += message["body"]
        await self.answer(scope, body, send)
        self.ends.append("answered")

    async def answer(self, scope: Scope, body: bytes, send: Send) -> None:
        if scope["path"].startswith("/reply"):
            exchange = find_exchange(scope)
            assert exchange is not None
            value = b"a\r\nX-B: b" if scope["path"] == "/reply-with-break" else b"a"
            headers = [(b"content-length", b"2"), (b"x-a", value)]
            await exchange.send(Reply(200, headers, b"ok"))
            return
        if scope["path"] == "/wait":
            self.waits = True
            await self.may_end.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        match scope["path"]:
            case "/echo" | "/wait":
                names = [name.decode() for name, _ in scope["headers"]]
                content = json.dumps({"headers": names, "size": len(body)}).encode()
            case "/fail":
                await send({"type": "http.response.body", "body": b"half", "more_body": True})
                raise OSError("The source is gone.")
            case _:
                for self.pieces in range(1, 2_000):
                    await send({"type": "http.response.body", "body": PIECE, "more_body": True})
                content = b""
        await send({"type": "http.response.body", "body": content})


class Serving:
    """A server in a thread of its own."""

    def __init__(self, app: App, server: uvicorn.Server, port: int) -> None:
        self.app = app
        self._server = server
        self.url = f"http://127.0.0.1:{port}"

    def begin_end(self) -> None:
        """What SIGTERM does in a process of its own."""
        self._server.should_exit = True

    def let_end(self) -> None:
        """Answer the request that waits."""
        self._server.servers[0].get_loop().call_soon_threadsafe(self.app.may_end.set)

    @property
    def connections(self) -> int:
        return len(self._server.server_state.connections)


@contextmanager
def serving() -> Iterator[Serving]:
    app = App()
    server, listener = make_server(app), listen("127.0.0.1", 0)
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    try:
        wait_until(lambda: server.started, "the server")
        yield Serving(app, server, listener.getsockname()[1])
    finally:
        server.should_exit = True
        thread.join(10)


@pytest.fixture
def served() -> Iterator[Serving]:
    with serving() as one:
        yield one


def talk(url: str, data: bytes) -> tuple[bytes, bool]:
    """Send these bytes. Returns what comes until the end, and whether that was a reset."""
    with RawClient(url) as client:
        client.socket.sendall(data)
        return client.read_to_end()


GET = b"GET /echo HTTP/1.1\r\nHost: localhost\r\n\r\n"
LAST = b"GET /echo HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


def test_a_head_is_refused_as_soon_as_it_is_too_large(served: Serving) -> None:
    for start in (b"GET /echo?", b"GET /echo HTTP/1.1\r\nX-A: "):
        with RawClient(served.url) as client:
            client.socket.sendall(start + b"a" * 20_000)
            status, problem = client.read_problem()
            assert (status, "16384 bytes" in problem["detail"]) == (431, True)


@pytest.mark.parametrize(
    "headers", [b"X-A: " + b"a" * 20_000 + b"\r\n", b"X-A: a\r\n" * 600], ids=["long", "many"]
)
def test_a_whole_head_that_is_too_large_is_refused(served: Serving, headers: bytes) -> None:
    answer, _ = talk(served.url, GET[:-2] + headers + b"\r\n")
    assert answer.startswith(b"HTTP/1.1 431 ")
    assert served.app.ends == []


def test_a_head_within_the_limit_is_read_beside_a_large_body(served: Serving) -> None:
    head = LAST.replace(b"GET", b"POST")[:-2] + b"X-A: " + b"a" * 16_000 + b"\r\n"
    answer, _ = talk(served.url, head + b"Content-Length: 200000\r\n\r\n" + b"x" * 200_000)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b'"size": 200000' in answer


def test_a_head_that_trickles_in_is_408(served: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "UNVERIFIED_SECONDS", 0.2)
    for before in (b"", GET):  # the first request of a connection, and a later one
        with RawClient(served.url) as client:
            client.socket.sendall(before)
            if before:
                assert client.read_head()[0] == 200
                client.read(len(b'{"headers": ["host"], "size": 0}'))
            client.socket.sendall(GET[:20])
            answer, _ = client.read_to_end()
        assert b"HTTP/1.1 408 " in answer


def test_a_connection_without_a_request_is_closed(
    served: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "UNVERIFIED_SECONDS", 0.1)
    assert talk(served.url, b"") == (b"", False)


@pytest.mark.parametrize(
    "data",
    [
        b"GET /echo\r\n\r\n",
        b"GET /echo HTTP/2.0\r\n\r\n",
        b"GET /echo HTTP/1.1\r\nHost: a\r\nX : b\r\n\r\n",
        b"POST /echo HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        b"POST /echo HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
    ],
)
def test_what_is_no_request_is_400_once(served: Serving, data: bytes) -> None:
    answer, _ = talk(served.url, data)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1 ") == 1
    assert "answered" not in served.app.ends


def test_a_request_is_answered_although_nonsense_follows_it(served: Serving) -> None:
    answer, _ = talk(served.url, GET + b"nonsense" * 20_000)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.count(b"HTTP/1.1 ") == 1


def test_requests_sent_ahead_are_answered_in_order_and_bounded(served: Serving) -> None:
    answer, _ = talk(served.url, GET * 5 + LAST)
    assert answer.count(b"HTTP/1.1 200 ") == 6
    answer, _ = talk(served.url, GET * 500)
    assert 100 <= answer.count(b"HTTP/1.1 200 ") <= 102
    assert answer.count(b"HTTP/1.1 ") == answer.count(b"HTTP/1.1 200 ")


def test_trailers_are_no_headers(served: Serving) -> None:
    head = b"POST /echo HTTP/1.1\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    answer, _ = talk(served.url, head + b"2\r\nab\r\n0\r\nAuthorization: Bearer x\r\n\r\n")
    assert b'{"headers": ["connection", "transfer-encoding"], "size": 2}' in answer


@pytest.mark.parametrize("trailer", [b"X-A: " + b"a" * 500_000, b"X-A: a\r\n" * 60_000])
def test_endless_trailers_are_refused(served: Serving, trailer: bytes) -> None:
    head = b"POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n"
    with RawClient(served.url) as client:
        client.socket.sendall(head)
        client.socket.sendall(trailer)
        assert client.read_head()[0] == 431
    wait_until(lambda: served.app.ends == ["left"], "the end of the request")


@pytest.mark.parametrize(
    "upgrade", [b"Upgrade: h2c\r\nConnection: Upgrade\r\n", b"Upgrade: websocket\r\n"]
)
def test_a_request_for_another_protocol_is_served_as_it_is(served: Serving, upgrade: bytes) -> None:
    answer, _ = talk(served.url, GET[:-2] + upgrade + b"\r\n" + LAST)
    assert answer.count(b"HTTP/1.1 200 ") == 2


def test_a_response_of_unknown_length_has_no_chunks_for_http_1_0(served: Serving) -> None:
    answer, _ = talk(served.url, b"GET /echo HTTP/1.0\r\nHost: localhost\r\n\r\n")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"transfer-encoding" not in head.lower()
    assert json.loads(body) == {"headers": ["host"], "size": 0}


def test_a_response_that_fails_is_reset(served: Serving) -> None:
    answer, was_reset = talk(served.url, GET.replace(b"/echo", b"/fail"))
    assert (b"half" in answer or answer == b"", was_reset) == (True, True)
    assert b"0\r\n\r\n" not in answer


def test_a_client_that_reads_nothing_is_cut_off(
    served: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "STALL_SECONDS", 0.5)
    with RawClient(served.url, receive_buffer=4_096) as client:
        client.send("GET /endless")
        time.sleep(0.3)
        assert 0 < served.app.pieces < 500
        wait_until(lambda: served.connections == 0, "the end of the connection", 10)


def test_a_client_that_reads_slowly_is_not_cut_off(
    served: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "STALL_SECONDS", 0.3)
    with RawClient(served.url, receive_buffer=65_536) as client:
        client.send("GET /endless")
        for _ in range(10):
            client.read(2_000_000)
            time.sleep(0.1)
        assert served.connections == 1


def test_what_is_under_way_at_the_end_is_answered() -> None:
    with serving() as served, RawClient(served.url) as client, RawClient(served.url) as idle:
        client.send("GET /wait")
        wait_until(lambda: served.connections == 2 and served.app.waits, "the request")
        served.begin_end()
        assert idle.read_to_end() == (b"", False)
        with pytest.raises(ConnectionRefusedError):
            RawClient(served.url)
        served.let_end()
        answer, was_reset = client.read_to_end()
    assert (answer.startswith(b"HTTP/1.1 200 "), was_reset) == (True, False)
    assert b"connection: close" in answer


def asking(path: bytes, method: bytes = b"GET", more: bytes = b"") -> bytes:
    return b"%b %b HTTP/1.1\r\nHost: localhost\r\n%b\r\n" % (method, path, more)


def test_a_whole_reply_is_as_one_in_two_messages(served: Serving) -> None:
    answer, was_reset = talk(
        served.url, asking(b"/reply") * 2 + asking(b"/reply", more=b"Connection: close\r\n")
    )
    first, second, last = answer.split(b"HTTP/1.1 200 OK\r\n")[1:]
    assert not was_reset
    assert re.fullmatch(rb"date: [^\r]+ GMT\r\ncontent-length: 2\r\nx-a: a\r\n\r\nok", first)
    assert second == first
    assert last == first.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n")
    assert served.app.ends == ["answered"] * 3


def test_a_whole_reply_to_a_client_of_http_1_0_ends_the_connection(served: Serving) -> None:
    answer, was_reset = talk(served.url, b"GET /reply HTTP/1.0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.endswith(b"\r\nconnection: close\r\n\r\nok")
    assert not was_reset


def test_a_whole_reply_to_head_has_no_body(served: Serving) -> None:
    answer, _ = talk(served.url, asking(b"/reply", b"HEAD", b"Connection: close\r\n"))
    assert b"content-length: 2\r\n" in answer
    assert answer.endswith(b"\r\n\r\n")


def test_the_size_of_a_body_is_known_once_it_has_arrived(served: Serving) -> None:
    with RawClient(served.url) as client:
        for body, rest in ((b"", b""), (b"hello", b""), (b"hel", b"lo")):
            length = b"Content-Length: %d\r\n" % len(body + rest)
            client.socket.sendall(asking(b"/reply", b"POST", length) + body)
            if rest:
                wait_until(lambda: len(served.app.sizes) == 3, "the beginning of the request")
                client.socket.sendall(rest)
            client.read_head()
            client.read(len(b"ok"))
    assert served.app.sizes == [0, 5, None]
    # Else each request would wait for the collector of cycles.
    assert [find_exchange(scope) for scope in served.app.scopes] == [None] * 3


def test_a_header_with_a_line_break_is_an_error_of_the_server(
    served: Serving, caplog: pytest.LogCaptureFixture
) -> None:
    answer, _ = talk(served.url, asking(b"/reply-with-break"))
    assert answer.startswith(b"HTTP/1.1 500 ")
    assert b"X-B" not in answer
    assert "has a line break in it" in caplog.text
