"""The app while the database's schema is older than this release."""

import asyncio

from django.db import DatabaseError, InterfaceError, connections

from controlplane.core.http.messages import App, Receive, Scope, Send
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


_watch = SchemaWatch("app")
register_reset(_watch.forget)


def is_migrated() -> bool:
    """Whether the schema is complete, as far as is known. Closes the connections of its thread."""
    try:
        return _watch.is_ready()
    except (DatabaseError, InterfaceError):
        return True  # the application explains what is wrong with the database
    finally:
        connections.close_all()


def when_migrated(app: App) -> App:
    """The application, which answers nothing but health checks until the schema is complete."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        is_open = _watch.is_complete or scope["path"].startswith("/health")
        if is_open or await asyncio.to_thread(is_migrated):
            await app(scope, receive, send)
            return
        headers, body = render(_PROBLEM)
        await send({"type": "http.response.start", "status": 503, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return serve
