"""One HTTP connection as uvicorn serves it, with bounds."""

import logging
import math
import socket
import struct
from asyncio import TimerHandle, Transport
from collections.abc import Callable
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from controlplane.core.http import bodies
from controlplane.core.http.messages import App, Message, Receive, Scope, Send, offered_exchange
from controlplane.core.http.problemdetails import Problem, serialize
from controlplane.core.http.server.exchanges import UvicornExchange

# Daphne's limits of what surrounds a body.
HEAD_MAX_BYTES = 16_384
HEADERS_MAX = 500
# Requests that a client may send ahead of their responses, before the connection ends.
PIPELINED_MAX = 100
# A client that has read nothing for this long is cut off: it costs a thread and a socket.
STALL_SECONDS = 120.0
# For the client to read a refusal while the rest of its body is thrown away. Closing at once would
# reset the connection, and the client would see that instead of the refusal.
LINGER_SECONDS = 5.0

_VERSIONS = ("1.0", "1.1")
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_UNREADABLE = Problem(400, "This is not a valid request of HTTP/1.1.")
_HEAD_TOO_LARGE = Problem(
    431, f"The limits are {HEAD_MAX_BYTES} bytes of headers, and {HEADERS_MAX} headers."
)

logger = logging.getLogger(__name__)


class GuardedTransport:
    """What uvicorn uses of a connection's transport; the connection decides how to close it."""

    def __init__(self, transport: Transport, connection: "Connection") -> None:
        self.close = connection.close
        self.is_closing = connection.is_closing
        self.write = transport.write
        self.pause_reading = transport.pause_reading
        self.resume_reading = transport.resume_reading
        self.get_extra_info = transport.get_extra_info


class Connection(HttpToolsProtocol):
    """Refuses a head that is too large or too slow, and what is no HTTP; cuts off a response that
    fails or that nobody reads. `take_socket` gets the connections that become WebSockets."""

    take_socket: Callable[[socket.socket, bytes], None]

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._plain: Transport
        # The request that is being answered; uvicorn's `cycle` is the last one that has arrived.
        self._current: RequestResponseCycle | None = None
        self._is_in_head = False
        self._is_socket = False
        self._is_ending = False
        # Received since the last end of a head or piece of a body.
        self._framing_bytes = 0
        self._unsent_bytes = 0
        self._head_timer: TimerHandle | None = None
        self._stall_timer: TimerHandle | None = None
        self._linger_timer: TimerHandle | None = None

    # --- The event loop calls these ---

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override] # as uvicorn
        self._plain = transport
        guarded: Any = GuardedTransport(transport, self)
        super().connection_made(guarded)
        self._limit_head()

    def connection_lost(self, exc: Exception | None) -> None:
        for timer in (self._head_timer, self._stall_timer, self._linger_timer):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        self._framing_bytes += len(data)
        while data and not self._is_ending:
            data = self._parse(data)
        if self._is_ending:
            return
        if self._framing_bytes > HEAD_MAX_BYTES:
            self._refuse(_HEAD_TOO_LARGE)
        elif self._is_in_head and self._head_timer is None:
            self._limit_head()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._unsent_bytes = self._plain.get_write_buffer_size()
        self._stall_timer = self.loop.call_later(STALL_SECONDS, self._cut_off_idle_reader)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._stall_timer is not None:
            self._stall_timer.cancel()

    # --- The parser calls these; an exception is a request that cannot be read ---

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._is_in_head = True

    def on_headers_complete(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
        if self.parser.get_http_version() not in _VERSIONS:
            raise ValueError("This version of HTTP is not served.")
        if len(self.pipeline) >= PIPELINED_MAX:
            raise ValueError("There are too many requests ahead of their responses.")
        if self._has_large_head():
            raise OverflowError("The head is too large.")
        self._is_in_head = False
        self._framing_bytes = 0
        self._is_socket = self.parser.should_upgrade() and self._get_upgrade() == b"websocket"
        super().on_headers_complete()
        # Trailers are dropped: no proxy in front has checked whether they name a header of its own.
        self.headers = []

    def on_body(self, body: bytes) -> None:
        self._framing_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._framing_bytes = 0
        super().on_message_complete()

    # --- uvicorn calls these ---

    def _should_upgrade(self) -> bool:
        return self._is_socket

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: App) -> None:  # type: ignore[override] # wider than uvicorn's types
        self._current = cycle
        if cycle.scope["http_version"] == "1.0":
            app = _without_chunks(app, cycle)
        super()._start_asgi_task(cycle, _piece_by_piece(app, cycle))  # type: ignore[arg-type] # likewise

    def is_closing(self) -> bool:
        return self._linger_timer is not None or self._plain.is_closing()

    def close(self) -> None:
        """Close in the way that lets the client know what it has got."""
        cycle = self._current
        if self.is_closing():
            return
        if cycle is not None and cycle.response_started and not cycle.response_complete:
            self._reset()
        elif self._is_ending or (cycle is not None and cycle.more_body):
            self._linger()
        else:
            self._plain.close()

    # --- Our own ---

    def _parse(self, data: bytes) -> bytes:
        """Feed the parser. Returns what follows a request for a protocol that is not served."""
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            if self._is_socket:
                self._hand_over()
                return b""
            # The request is served as if it had asked for nothing.
            self.parser = httptools.HttpRequestParser(self)
            return data[upgrade.args[0] :]
        except httptools.HttpParserError as error:
            is_too_large = isinstance(error.__context__, OverflowError)
            self._refuse(_HEAD_TOO_LARGE if is_too_large else _UNREADABLE)
        return b""

    def _has_large_head(self) -> bool:
        if len(self.headers) > HEADERS_MAX:
            return True
        if self._framing_bytes <= HEAD_MAX_BYTES:
            return False
        size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        return size > HEAD_MAX_BYTES

    def _limit_head(self) -> None:
        self._head_timer = self.loop.call_later(bodies.UNVERIFIED_SECONDS, self._end_slow_head)

    def _end_slow_head(self) -> None:
        if self._is_in_head:
            self._refuse(bodies.too_slow(bodies.UNVERIFIED_SECONDS))
        else:
            self._plain.close()

    def _refuse(self, problem: Problem) -> None:
        """Read no more. The requests before this one still get their responses."""
        if self._is_ending or self._plain.is_closing():
            return
        self._is_ending = True
        last = self.cycle
        if last is None or last.response_complete:
            self._plain.write(serialize(problem))
            self._linger()
        elif not last.more_body:
            last.keep_alive = False
            self.flow.pause_reading()
        elif last is self._current:  # its own body ends here
            has_begun = last.response_started
            last.disconnected = True
            last.message_event.set()
            if has_begun:
                self._reset()
            else:
                self._plain.write(serialize(problem))
                self._linger()
        else:
            self._reset()

    def _linger(self) -> None:
        self._is_ending = True
        self._plain.write_eof()
        self.flow.resume_reading()
        self._linger_timer = self.loop.call_later(LINGER_SECONDS, self._plain.abort)

    def _reset(self) -> None:
        """Without it the client could take half a response for a whole one."""
        connection = self._plain.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self._plain.abort()

    def _cut_off_idle_reader(self) -> None:
        unsent = self._plain.get_write_buffer_size()
        if unsent < self._unsent_bytes:
            self._unsent_bytes = unsent
            self._stall_timer = self.loop.call_later(STALL_SECONDS, self._cut_off_idle_reader)
            return
        logger.info("Response cut off: the client has read nothing for %g s.", STALL_SECONDS)
        self._reset()

    def _hand_over(self) -> None:
        """Give the connection away as it was before this request. Nothing follows it: a client
        waits for the answer to its handshake."""
        if self._current is not None and not self._current.response_complete:
            self._reset()
            return
        method, headers = self.scope["method"].encode(), self.scope["headers"]
        lines = [b"%b %b HTTP/1.1" % (method, self.url)]
        lines += [b"%b: %b" % header for header in headers]
        request = b"\r\n".join([*lines, b"", b""])
        taken = self._plain.get_extra_info("socket").dup()
        self._is_ending = True
        self._plain.abort()
        self.take_socket(taken, request)


def _piece_by_piece(app: App, cycle: RequestResponseCycle) -> App:
    """uvicorn waits for a slow client before it writes a piece; by then the piece has been made.
    This waits after the one before."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_and_wait(message: Message) -> None:
            await send(message)
            if message.get("more_body"):
                await cycle.flow.drain()

        with offered_exchange(scope, UvicornExchange(cycle)):
            await app(scope, receive, send_and_wait)

    return serve


def _without_chunks(app: App, cycle: RequestResponseCycle) -> App:
    """For HTTP/1.0: a response of unknown length ends with the connection."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_plainly(message: Message) -> None:
            if message["type"] == "http.response.start":
                if b"content-length" not in {
                    name.lower() for name, _ in message.get("headers", ())
                }:
                    cycle.chunked_encoding = False
                    cycle.expected_content_length = math.inf  # type: ignore[assignment] # not counted
            elif cycle.expected_content_length == math.inf and not message.get("more_body"):
                cycle.expected_content_length = len(message.get("body", b""))
            await send(message)

        await app(scope, receive, send_plainly)

    return serve
