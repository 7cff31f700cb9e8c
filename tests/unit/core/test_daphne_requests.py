"""What a real connection shows only after minutes: slow requests, and clients that read nothing."""

import asyncio
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from twisted.internet.testing import StringTransport
from twisted.web.http import HTTPChannel, HTTPFactory

from controlplane.core.http import bodies
from controlplane.core.http.server import daphne_requests
from controlplane.core.http.server.daphne_requests import Flow, GuardedRequest

START = b"POST /tasks HTTP/1.1\r\nHost: localhost\r\n"


class Transport(StringTransport):
    """A connection that notes how it ends."""

    is_aborted = False
    is_half_closed = False

    def loseWriteConnection(self) -> None:  # noqa: N802 - Twisted's name
        self.is_half_closed = True

    def abortConnection(self) -> None:  # noqa: N802 - Twisted's name
        self.is_aborted = True


@pytest.fixture
def channel() -> Iterator[HTTPChannel]:
    server = SimpleNamespace(
        protocol_connected=lambda _: None, protocol_disconnected=lambda _: None, http_timeout=None
    )
    channel = HTTPChannel()
    channel.requestFactory = GuardedRequest
    channel.factory = HTTPFactory()
    channel.factory.server = server
    channel.makeConnection(Transport())
    yield channel
    channel.connectionLost(None)


def request_of(channel: HTTPChannel) -> GuardedRequest:
    return channel.requests[0]


def test_a_request_that_does_not_arrive_in_time_is_refused(
    channel: HTTPChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel.dataReceived(START + b"Content-Length: 100\r\n\r\n{")
    request = request_of(channel)
    request.check_timeouts()
    assert channel.transport.value() == b""
    monkeypatch.setattr(bodies, "UNVERIFIED_SECONDS", 0.0)
    request.check_timeouts()
    assert channel.transport.value().startswith(b"HTTP/1.1 408 Request Timeout\r\n")
    assert b"application/problem+json" in channel.transport.value()
    assert channel.transport.is_half_closed
    # The rest is thrown away, and there is one answer.
    channel.dataReceived(b"x" * 99)
    request.check_timeouts()
    assert channel.transport.value().count(b"HTTP/1.1") == 1


def test_headers_that_trickle_in_are_no_exception(
    channel: HTTPChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "UNVERIFIED_SECONDS", 0.0)
    channel.dataReceived(START + b"X-A: b\r\n")
    request_of(channel).check_timeouts()
    channel.dataReceived(b"Content-Length: 1000000\r\n\r\n" + b"x" * 100_000)
    assert channel.transport.value().count(b"HTTP/1.1") == 1
    assert channel.transport.value().startswith(b"HTTP/1.1 408 ")


def test_a_client_that_reads_nothing_is_cut_off(
    channel: HTTPChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(daphne_requests, "STALL_SECONDS", 0.05)
    channel.dataReceived(START)
    request = request_of(channel)
    request._flow = Flow(is_open=True)
    asyncio.run(request.wait_until_writable())
    assert not channel.transport.is_aborted
    request._flow.pauseProducing()
    asyncio.run(request.wait_until_writable())
    assert channel.transport.is_aborted


@pytest.mark.parametrize("signal", ["resumeProducing", "stopProducing"])
def test_waiting_ends_when_the_client_reads_or_leaves(signal: str) -> None:
    async def wait() -> None:
        flow = Flow(is_open=False)
        asyncio.get_running_loop().call_soon(getattr(flow, signal))
        await flow.wait(10)

    asyncio.run(wait())


def test_a_failure_before_the_response_is_a_500_and_one_within_it_an_abort(
    channel: HTTPChannel,
) -> None:
    channel.dataReceived(START)
    request: Any = request_of(channel)
    request.server = SimpleNamespace(
        server_name="", protocol_disconnected=lambda _: None, log_action=lambda *_: None
    )
    request.path = None
    request.handle_reply({"type": "http.response.start", "status": 200, "headers": []})
    request.handle_exception(OSError())
    assert channel.transport.is_aborted
