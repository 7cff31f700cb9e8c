"""One WebSocket as Daphne serves it, with bounds."""

import socket
from typing import Any

from daphne.ws_protocol import WebSocketProtocol

from controlplane.core.http.messages import Message
from controlplane.core.http.server.daphne_requests import Flow

# A larger message of a client closes the socket with 1009.
MESSAGE_MAX_BYTES = 65_536
# A client that has read nothing for this long is cut off.
STALL_SECONDS = 60.0
# What waits in the kernel for a client, which would otherwise be megabytes.
_SEND_BUFFER_BYTES = 65_536
# A client that does not read answers no ping either, and learns the reason if it reads again.
NOT_READING = 4408


class GuardedSocket(WebSocketProtocol):
    """Makes the application wait for a slow client, and closes with a code and a reason."""

    def onConnect(self, request: Any) -> Any:
        """Its handshake has come."""
        self.maxMessagePayloadSize = self.maxFramePayloadSize = MESSAGE_MAX_BYTES
        # Without this what breaks the protocol is cut off without a code.
        self.failByDrop = False
        self._flow = Flow(is_open=True)
        return super().onConnect(request)

    def onOpen(self) -> None:
        """Its handshake has been answered."""
        super().onOpen()
        handle = self.transport.getHandle()
        handle.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
        # Until now it is the channel of HTTP, which would stop reading instead.
        self.transport.unregisterProducer()
        self.transport.registerProducer(self._flow, True)

    def handle_reply(self, message: Message) -> None:
        """What the application sends."""
        if message["type"] == "websocket.close" and self.state == self.STATE_OPEN:
            self.sendClose(code=message.get("code") or 1000, reason=message.get("reason"))
        else:
            super().handle_reply(message)

    def serverSend(self, content: Any, binary: bool = False) -> None:
        """A message for the client. The limit is only for what the client sends."""
        self.maxMessagePayloadSize = 0
        try:
            super().serverSend(content, binary)
        finally:
            self.maxMessagePayloadSize = MESSAGE_MAX_BYTES

    def onAutoPingTimeout(self) -> None:
        """Its client has answered no ping. The connection ends a second later."""
        self.autoPingTimeoutCall = None
        self.sendClose(code=NOT_READING, reason="The client does not read.")

    async def wait_until_writable(self) -> None:
        """Wait for the client to read what was sent. Raises TimeoutError: it does not."""
        await self._flow.wait(STALL_SECONDS)
