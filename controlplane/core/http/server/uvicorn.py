"""uvicorn, with httptools and uvloop: the server for HTTP."""

import logging
import signal
import socket
from typing import Any

from uvicorn import Config, Server

from controlplane.core.http.server.connections import Connection
from controlplane.core.http.server.sockets import Sockets

# Longer than balancers keep an idle connection (60 s), so that they close it first.
KEEP_ALIVE_SECONDS = 75
# For requests that are under way at the end.
GRACE_SECONDS = 4

logger = logging.getLogger(__name__)


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; that of `::` takes IPv4 as well. Raises OSError."""
    is_v6 = ":" in host
    family = socket.AF_INET6 if is_v6 else socket.AF_INET
    return socket.create_server((host, port), family=family, dualstack_ipv6=is_v6)


def make_server(application: Any) -> Server:
    Connection.take_socket = staticmethod(Sockets(application).take)
    config = Config(
        application,
        http=Connection,
        loop="uvloop",
        ws="none",
        interface="asgi3",
        lifespan="off",
        log_config=None,
        # Requests are counted by the metrics; a line for each would only fill the disk.
        access_log=False,
        server_header=False,
        # TRUSTED_PROXIES says which proxies are believed.
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    return Server(config)


def run(application: Any, listener: socket.socket) -> None:
    """Serve until SIGTERM or SIGINT."""
    logger.info("Listening on %s port %d", *listener.getsockname()[:2])
    # uvicorn repeats a signal when it has ended; this makes an end that was asked for a success.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        make_server(application).run([listener])
    except KeyboardInterrupt:
        return
