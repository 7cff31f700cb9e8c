"""uvicorn, with httptools and uvloop: the server for HTTP."""

import signal
from typing import Any

from uvicorn import Config, Server

from controlplane.core.http.server.connections import Connection
from controlplane.core.http.server.sockets import Sockets

# Longer than balancers keep an idle connection (60 s), so that they close it first.
KEEP_ALIVE_SECONDS = 75
# For requests that are under way at the end.
GRACE_SECONDS = 4


def make_server(application: Any, host: str, port: int) -> Server:
    """The server, which does not listen yet."""
    Connection.take_socket = staticmethod(Sockets(application).take)
    config = Config(
        application,
        host=host,
        port=port,
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


def run(application: Any, host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT."""
    # uvicorn repeats a signal when it has ended; this makes an end that was asked for a success.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        make_server(application, host, port).run()
    except KeyboardInterrupt:
        return
