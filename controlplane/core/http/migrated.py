"""The app while the database's schema is older than this release."""

import asyncio
import time

from django.db import DatabaseError, InterfaceError, connections

from controlplane.core.http.messages import App, Receive, Scope, Send
from controlplane.core.http.pathprefix import path_within
from controlplane.core.http.problemdetails import Problem, render
from controlplane.core.process_state import register_reset
from controlplane.core.schemaversion import SchemaWatch

_RETRY_AFTER_SECONDS = 5
_PROBLEM = Problem(
    503,
    "The database's schema is older than this release: run `manage.py migrate`.",
    title="Not migrated",
    type="urn:taskplane:problem:not-migrated",
    headers={"retry-after": str(_RETRY_AFTER_SECONDS)},
)


# As in controlplane.live.messages
_UNAVAILABLE = 4503
_FAILURE_SECONDS = 1.0


class _Gate:
    """What this process knows of the schema."""

    def __init__(self) -> None:
        self.watch = SchemaWatch("app")
        self._failed_at = -_FAILURE_SECONDS

    def forget(self) -> None:
        self.watch.forget()
        self._failed_at = -_FAILURE_SECONDS

    def is_open(self) -> bool:
        # Every request would otherwise wait for a database that does not answer, before it does so
        # for its own reasons.
        if time.monotonic() < self._failed_at + _FAILURE_SECONDS:
            return True
        try:
            return self.watch.is_ready()
        except (DatabaseError, InterfaceError):
            self._failed_at = time.monotonic()
            return True  # the application explains what is wrong with the database


_gate = _Gate()
register_reset(_gate.forget)


def is_migrated() -> bool:
    """Whether the schema is complete, as far as is known. Closes the connections of its thread."""
    try:
        return _gate.is_open()
    finally:
        connections.close_all()


def when_migrated(app: App) -> App:
    """The application for requests or for sockets, which answers nothing but health checks until
    the schema is complete."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        is_open = _gate.watch.is_complete or path_within(scope).startswith("/health")
        if is_open or await asyncio.to_thread(is_migrated):
            await app(scope, receive, send)
            return
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.accept"})  # only then it learns the code
            reason = "The database's schema is older than this release."
            await send({"type": "websocket.close", "code": _UNAVAILABLE, "reason": reason})
            return
        headers, body = render(_PROBLEM)
        await send({"type": "http.response.start", "status": 503, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return serve
