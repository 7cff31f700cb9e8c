"""One WebSocket as Daphne serves it, with bounds."""

import socket
from collections import deque
from typing import Any

from daphne.ws_protocol import WebSocketProtocol

from controlplane.core.http.messages import Message
from controlplane.core.http.server.daphne_requests import Flow

# A larger message of a client closes the socket with 1009.
MESSAGE_MAX_BYTES = 65_536
# Messages of a client that the application has not taken yet; one more closes the socket. They are
# few while the application works; while it waits, the client could send without end.
WAITING_MAX = 64
WAITING_MAX_BYTES = 262_144
# Answers to the pings of a client that does not read; further pings get none.
_UNREAD_PONGS_MAX = 16
# A client that has read nothing for this long is cut off.
STALL_SECONDS = 60.0
# What waits in the kernel for a client, which would otherwise be megabytes.
_SEND_BUFFER_BYTES = 65_536
# A client that does not read answers no ping either, and learns the reason if it reads again.
NOT_READING = 4408
TOO_MANY = 4429


class GuardedSocket(WebSocketProtocol):
    """Makes the application wait for a slow client, keeps no more than a few messages for it, and
    closes with a code and a reason."""

    def __init__(self) -> None:
        super().__init__()
        self._flow = Flow(is_open=True)
        self._waiting_sizes: deque[int] = deque()
        self._unread_pongs = 0

    # --- Twisted calls these with what the client does ---

    def onConnect(self, request: Any) -> Any:
        """Its handshake has come."""
        self.maxMessagePayloadSize = self.maxFramePayloadSize = MESSAGE_MAX_BYTES
        # Without this what breaks the protocol is cut off without a code.
        self.failByDrop = False
        return super().onConnect(request)

    def onOpen(self) -> None:
        """Its handshake has been answered."""
        super().onOpen()
        handle = self.transport.getHandle()
        handle.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
        # Until now it is the channel of HTTP, which would stop reading instead.
        self.transport.unregisterProducer()
        self.transport.registerProducer(self._flow, True)

    def onMessageFrame(self, payload: list[bytes]) -> None:
        """A part of a message. Empty parts have no limit, and add nothing."""
        super().onMessageFrame([piece for piece in payload if piece])

    def onMessage(self, payload: bytes, is_binary: bool) -> None:
        """A whole message. While the socket closes, nobody takes it any more."""
        if self.state != self.STATE_OPEN:
            return
        waiting = self.application_queue.qsize()
        while len(self._waiting_sizes) > waiting:
            self._waiting_sizes.popleft()
        waiting_bytes = sum(self._waiting_sizes) + len(payload)
        if waiting >= WAITING_MAX or waiting_bytes > WAITING_MAX_BYTES:
            self.sendClose(code=TOO_MANY, reason="Too many of your messages wait here.")
            return
        self._waiting_sizes.append(len(payload))
        super().onMessage(payload, is_binary)

    def onPing(self, payload: bytes) -> None:
        """It is answered; but without end only to a client that reads the answers."""
        self._unread_pongs = 0 if self._flow.is_open else self._unread_pongs + 1
        if self._unread_pongs <= _UNREAD_PONGS_MAX:
            super().onPing(payload)

    def onAutoPingTimeout(self) -> None:
        """Its client has answered no ping. The connection ends a second later."""
        self.autoPingTimeoutCall = None
        self.sendClose(code=NOT_READING, reason="The client does not read.")

    def onClose(self, was_clean: bool, code: Any, reason: Any) -> None:
        """The connection has ended. An end by the server takes our producer away first: nobody else
        would wake an application that waits for the client."""
        self._flow.stopProducing()
        super().onClose(was_clean, code, reason)

    # --- Daphne calls these with what the application answers ---

    def handle_reply(self, message: Message) -> None:
        """What the application sends."""
        if message["type"] == "websocket.close" and self.state == self.STATE_OPEN:
            self.sendClose(code=message.get("code") or 1000, reason=message.get("reason"))
        else:
            super().handle_reply(message)

    def serverSend(self, content: Any, binary: bool = False) -> None:
        """A message for the client, unless the socket closes already. The limit is only for what
        the client sends."""
        if self.state != self.STATE_OPEN:
            return
        self.maxMessagePayloadSize = 0
        try:
            super().serverSend(content, binary)
        finally:
            self.maxMessagePayloadSize = MESSAGE_MAX_BYTES

    async def wait_until_writable(self) -> None:
        """Wait for the client to read what was sent. Raises TimeoutError: it does not."""
        await self._flow.wait(STALL_SECONDS)
