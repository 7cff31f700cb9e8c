"""One HTTP request as Daphne serves it, with bounds."""

import asyncio
import logging
import time
from collections.abc import Callable
from enum import Enum
from io import BytesIO
from typing import Any

from daphne.http_protocol import WebRequest
from django.conf import settings
from twisted.internet import reactor

from controlplane.core.http import bodies
from controlplane.core.http.messages import Message
from controlplane.core.http.problemdetails import Problem, serialize, too_large


class Flow:
    """Twisted's push producer: the transport pauses it while 64 KiB wait to be sent, and resumes
    it when all of them are sent."""

    def __init__(self, *, is_open: bool) -> None:
        self._open = asyncio.Event()
        if is_open:
            self._open.set()

    def pauseProducing(self) -> None:
        self._open.clear()

    def resumeProducing(self) -> None:
        self._open.set()

    def stopProducing(self) -> None:
        self._open.set()

    @property
    def is_open(self) -> bool:
        """Whether the client reads."""
        return self._open.is_set()

    async def wait(self, seconds: float) -> None:
        """Raises TimeoutError when the client has not read for this long."""
        if not self.is_open:
            await asyncio.wait_for(self._open.wait(), seconds)


# Its interface is declared without `self`, which a type checker cannot read.
_reactor: Any = reactor


def call_later(seconds: float, function: Callable[[], object]) -> Any:
    """Call it from the event loop; the call can be cancelled."""
    return _reactor.callLater(seconds, function)


# A client that has read nothing for this long is cut off: it costs a thread and a socket.
STALL_SECONDS = 120.0
# For the client to read a refusal while the rest of its body is thrown away. Closing at once would
# reset the connection, and the client would see that instead of the refusal.
LINGER_SECONDS = 5.0

logger = logging.getLogger(__name__)


class Stage(Enum):
    """Limits on how long a request may take to arrive."""

    UNVERIFIED = "unverified"
    CHECKING = "checking"
    VERIFIED = "verified"
    REFUSED = "refused"
    RECEIVED = "received"


class GuardedRequest(WebRequest):
    """Refuses bodies that are too large, too slow, or large and unauthenticated, before they are
    stored; makes the application wait for a slow client; cuts off a failed response."""

    def __init__(self, channel: Any, *args: Any, **options: Any) -> None:
        # Parsing a form here would stop the event loop: Django does it, in a thread.
        super().__init__(channel, *args, parsePOSTFormSubmission=False, **options)
        self._transport = channel.transport
        self._stage = Stage.UNVERIFIED
        self._began = time.monotonic()
        self._received_bytes = 0
        self._awaits_continue = False
        self._linger: Any = None
        self._flow: Flow | None = None

    # --- Twisted calls these while the request arrives ---

    def gotLength(self, length: int | None) -> None:
        """All headers have arrived; `length` is None for a chunked body."""
        if self._stage is Stage.REFUSED:
            return
        limit: int = settings.TASKPLANE["BODY_MAX_BYTES"]
        is_small = length is not None and length <= bodies.UNVERIFIED_MAX_BYTES
        self.content = BytesIO() if is_small else bodies.open_body()
        if length is not None and length > limit:
            self._refuse(too_large(limit))
        elif length is not None and not is_small:
            self._check_credentials()

    def handleContentChunk(self, data: bytes) -> None:
        if self._stage is Stage.REFUSED:
            return
        self._received_bytes += len(data)
        limit: int = settings.TASKPLANE["BODY_MAX_BYTES"]
        if self._received_bytes > limit:
            self._refuse(too_large(limit))
            return
        super().handleContentChunk(data)
        if self._received_bytes > bodies.UNVERIFIED_MAX_BYTES:
            if self._stage is Stage.UNVERIFIED:
                self._check_credentials()
            elif self._stage is Stage.CHECKING:
                # The channel resumes reading when an earlier response has been sent.
                self._transport.pauseProducing()

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        if self._stage is Stage.REFUSED:
            return
        self._stage = Stage.RECEIVED
        super().requestReceived(command, path, version)

    def process(self) -> Any:
        protocols = self.requestHeaders.getRawHeaders(b"sec-websocket-protocol") or []
        if not all(value.isascii() for value in protocols):
            # Daphne's handshake would fail with a traceback.
            self.basic_error(400, b"Bad Request", "Sec-WebSocket-Protocol is not ASCII.")
            return None
        return super().process()

    def connectionLost(self, reason: Any) -> None:
        if self._linger is not None and self._linger.active():
            self._linger.cancel()
        super().connectionLost(reason)

    def check_timeouts(self) -> None:
        """Daphne calls it every two seconds."""
        if self._stage in (Stage.UNVERIFIED, Stage.CHECKING, Stage.VERIFIED):
            is_known = self._stage is Stage.VERIFIED
            limit = bodies.VERIFIED_SECONDS if is_known else bodies.UNVERIFIED_SECONDS
            if time.monotonic() - self._began > limit:
                self._refuse(bodies.too_slow(limit))
        super().check_timeouts()

    def _check_credentials(self) -> None:
        self._stage = Stage.CHECKING
        self._transport.pauseProducing()
        self._awaits_continue = self.requestHeaders.hasHeader(b"expect")
        self.requestHeaders.removeHeader(b"expect")
        check = bodies.check_credentials(self._header(b"authorization"), self._header(b"cookie"))
        asyncio.ensure_future(check).add_done_callback(
            lambda done: self._take_verdict(done.result())
        )

    def _header(self, name: bytes) -> str:
        values: list[bytes] = self.requestHeaders.getRawHeaders(name) or [b""]
        return values[0].decode("latin1")

    def _take_verdict(self, problem: Problem | None) -> None:
        if self._disconnected:
            return
        # A body that was whole before the verdict has reached the application, which judges itself.
        if self._stage is Stage.CHECKING:
            if problem is not None:
                self._refuse(problem)
            else:
                self._stage = Stage.VERIFIED
                if self._awaits_continue:
                    self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        self._transport.resumeProducing()

    def _refuse(self, problem: Problem) -> None:
        self._stage = Stage.REFUSED
        if self.content is not None:  # its headers may not have ended
            self.content.close()
        self.content = BytesIO()
        self.requestHeaders.removeHeader(b"expect")
        self._transport.write(serialize(problem))
        # TLS has no half-closed connections.
        getattr(self._transport, "loseWriteConnection", self._transport.loseConnection)()
        self._linger = call_later(LINGER_SECONDS, self._transport.abortConnection)

    # --- Daphne calls these with what the application answers ---

    def handle_reply(self, message: Message) -> None:
        if self.finished or self.channel is None:
            return
        if not message.get("more_body"):
            if self._flow is not None:
                self.unregisterProducer()
        elif self._flow is None:
            # Paused already when responses to earlier requests of the connection wait.
            self._flow = Flow(is_open=not self.channel._waitingForTransport)
            self.registerProducer(self._flow, True)
        super().handle_reply(message)

    async def wait_until_writable(self) -> None:
        """Wait for the client to read the sent data; disconnect it if it does not."""
        if self._flow is None:
            return
        try:
            await self._flow.wait(STALL_SECONDS)
        except TimeoutError:
            logger.info("Response cut off: the client has read nothing for %g s.", STALL_SECONDS)
            self._transport.abortConnection()

    def handle_exception(self, exception: Exception) -> None:
        """The application failed. A response that has begun must not look complete."""
        if self._response_started:
            self._transport.abortConnection()
        else:
            super().handle_exception(exception)
