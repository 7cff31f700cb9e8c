"""Daphne with bounded request bodies, responses and WebSockets that wait for their clients, and
failed responses that are cut off. `install` puts our classes where Daphne looks for its own."""

import logging
import socket
from typing import Any

from daphne import http_protocol, ws_protocol
from daphne.cli import CommandLineInterface
from daphne.server import Server
from twisted.internet import reactor

from controlplane.core.http.messages import Message
from controlplane.core.http.server.daphne_requests import GuardedRequest, call_later
from controlplane.core.http.server.daphne_sockets import GuardedSocket

logger = logging.getLogger(__name__)

# Its interface is declared without `self`, which a type checker cannot read.
_reactor: Any = reactor


class GuardedServer(Server):
    """Daphne, in which `await send(…)` waits for a client that does not read."""

    async def handle_reply(self, protocol: object, message: Message) -> None:
        await super().handle_reply(protocol, message)
        is_part = message.get("more_body") and isinstance(protocol, GuardedRequest)
        is_frame = message["type"] == "websocket.send" and isinstance(protocol, GuardedSocket)
        if is_part or is_frame:
            await protocol.wait_until_writable()  # type: ignore[attr-defined] # both have it

    def application_checker(self) -> None:
        """Clean up finished requests once a second. An exception must not stop this: otherwise no
        request would be cleaned up and no failed response cut off until the next restart."""
        try:
            super().application_checker()
        except Exception:
            logger.exception("Reaping finished requests failed.")
            call_later(1, self.application_checker)

    def adopt(self, connection: socket.socket, request: bytes) -> None:
        """Serve a connection that another server has accepted, from this request on. The caller
        closes its own `connection`."""
        transport = _reactor.adoptStreamConnection(
            connection.fileno(), connection.family, self.http_factory
        )
        transport.protocol.dataReceived(request)


def install() -> None:
    """Called while Daphne imports the application, before it listens."""
    # Its factory names the class itself; there is no setting for it.
    http_protocol.WebRequest = GuardedRequest
    ws_protocol.WebSocketFactory.protocol = GuardedSocket
    CommandLineInterface.server_class = GuardedServer


def run(host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT, as `python -m daphne` does."""
    install()
    bind = ["-b", host, "-p", str(port)]
    # Requests are counted by the metrics; a line for each would only fill the disk.
    CommandLineInterface().run(["--verbosity", "0", *bind, "controlplane.asgi:application"])


def start_without_port(application: Any) -> GuardedServer:
    """Daphne on the event loop that runs already, for the connections that it adopts."""
    install()
    server = GuardedServer(application, endpoints=["none"], verbosity=0)
    server.endpoints = []
    server.abort_start = True  # prepare everything, but do not run the event loop
    server.run()
    _reactor.startRunning(installSignalHandlers=False)
    return server
