"""WebSockets beside uvicorn: Daphne serves them, in this process and on its event loop.

uvicorn accepts every connection. One that asks for a WebSocket is given to Daphne with its request,
so sockets need no port, process or proxy of their own. Daphne is loaded at the first of them.
"""

import asyncio
import socket
from contextlib import suppress
from importlib import import_module
from typing import Any


class Sockets:
    """Daphne, from the first WebSocket on."""

    def __init__(self, application: Any) -> None:
        self._application = application
        self._daphne: asyncio.Task[Any] | None = None
        self._pending: set[asyncio.Task[None]] = set()

    def take(self, connection: socket.socket, request: bytes) -> None:
        """Serve a connection from this request on."""
        task = asyncio.ensure_future(self._pass_on(connection, request))
        self._pending.add(task)
        task.add_done_callback(self._pending.discard)

    async def _pass_on(self, connection: socket.socket, request: bytes) -> None:
        with connection:
            if self._daphne is None:
                self._daphne = asyncio.ensure_future(self._load())
            daphne = await self._daphne
            with suppress(OSError):  # the client has left
                daphne.adopt(connection, request)

    async def _load(self) -> Any:
        """Imports take half a second, so a thread does them; but the reactor belongs to the loop,
        and must be there before anything imports it."""
        twisted = await asyncio.to_thread(import_module, "twisted.internet.asyncioreactor")
        twisted.install(asyncio.get_running_loop())
        module = await asyncio.to_thread(import_module, "controlplane.core.http.server.daphne")
        return module.start_without_port(self._application)
