"""The applications that the server calls. For HTTP: a gate, followed by Django in one thread per
request."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from io import BytesIO
from typing import IO, Any, Protocol

import django
from asgiref.sync import sync_to_async
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler, ASGIRequest, get_script_prefix
from django.core.signals import request_started
from django.http import HttpRequest
from django.http.response import FileResponse, HttpResponseBase
from django.urls import set_script_prefix

from controlplane.core.http.gate import RequestGate
from controlplane.core.http.messages import (
    Message,
    Receive,
    Reply,
    Scope,
    Send,
    find_exchange,
)
from controlplane.core.http.visits import SharedVisits
from controlplane.core.sql import release_connections


class FastPath(Protocol):
    """Responds to some requests; None leaves a request to Django."""

    def respond(self, scope: Scope, body: IO[bytes]) -> Reply | None:
        """The response to one request."""

    def may_share(self, scope: Scope) -> bool:
        """Whether the next method may take this request."""

    def respond_together(self, asked: Sequence[tuple[Scope, IO[bytes]]]) -> list[Reply | None]:
        """The responses to requests that arrived at the same time."""


# Requests served at once; more wait. Far above what the pool of database connections lets work.
_THREADS = 200


def get_http_application() -> RequestGate:
    """The ASGI application for HTTP."""
    django.setup(set_prefix=False)
    from controlplane.core.http.fastpath import FastResponder  # it needs Django's apps
    from controlplane.core.schema.base import build_validators

    build_validators()
    return RequestGate(OneThreadHandler(FastResponder()))


class OneThreadHandler(ASGIHandler):
    """Django with everything between a request and its response in one call in one thread.

    Django's own handler crosses between the event loop and a thread for each signal, each
    middleware written for threads and the end of the response, and starts a thread for each
    request: measured, 1.3 ms of CPU a request, where one crossing into a kept thread costs 0.1 ms.
    """

    def __init__(self, fast_path: FastPath) -> None:
        super().__init__()
        self._fast_path = fast_path
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="request")
        self._shared = SharedVisits(fast_path.respond_together, self._threads)

    def load_middleware(self, is_async: bool = False) -> None:
        """As a WSGI server would load it; views that are async still work."""
        super().load_middleware(is_async=False)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request. Only a streamed response ends when its client leaves: the others
        are complete before the first byte is sent."""
        try:
            body = await self.read_body(receive)
        except RequestAborted:
            return
        response: HttpResponseBase | Reply | None = None
        if self._fast_path.may_share(scope):
            response = await self._shared.respond(scope, body)
        if response is None:
            loop = asyncio.get_running_loop()
            response = await loop.run_in_executor(
                self._threads, copy_context().run, self._respond, scope, body
            )
        if isinstance(response, Reply):
            await _send_reply(response, scope, send)
            return
        if not response.streaming:
            await self.send_response(response, send)
            return
        try:
            await self._stream(response, receive, send)
        finally:
            await sync_to_async(response.close)()

    async def read_body(self, receive: Receive) -> IO[bytes]:
        """The body as a file; in memory where it came in one piece, as nearly all do."""
        first = await receive()
        if first["type"] == "http.request" and not first.get("more_body", False):
            return BytesIO(first.get("body", b""))
        waiting: list[Message] = [first]

        async def receive_all() -> Message:
            return waiting.pop() if waiting else await receive()

        body: IO[bytes] = await super().read_body(receive_all)
        return body

    async def _stream(self, response: HttpResponseBase, receive: Receive, send: Send) -> None:
        """Send a streamed response until its end, or until the client has left.

        Raises whatever the response raises, upon which the server cuts the connection off.
        """
        sending = asyncio.create_task(self.send_response(response, send))
        leaving = asyncio.create_task(self.listen_for_disconnect(receive))
        try:
            await asyncio.wait((sending, leaving), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (leaving, sending):
                task.cancel()
        with suppress(asyncio.CancelledError, RequestAborted):
            await leaving
        with suppress(asyncio.CancelledError):
            await sending

    def _respond(self, scope: Scope, body: IO[bytes]) -> HttpResponseBase | Reply:
        """The response, closed unless it is streamed: nothing is left to do but to send it."""
        set_script_prefix(get_script_prefix(scope))
        if reply := self._fast_path.respond(scope, body):
            return reply
        request_started.send(sender=self.__class__, scope=scope)
        request, refusal = self.create_request(scope, body)  # one of them is None
        response: Any = refusal if request is None else self._get_response_of(request)
        if not response.streaming:
            response.close()
        return response  # type: ignore[no-any-return]

    def _get_response_of(self, request: ASGIRequest) -> HttpResponseBase:
        try:
            response: HttpResponseBase = self.get_response(request)
        finally:
            # A client that reads its response slowly must not hold a connection until it is done.
            release_connections()
        response._handler_class = self.__class__  # type: ignore[attr-defined] # for its signal
        if isinstance(response, FileResponse):
            response.block_size = self.chunk_size
        make_async(request, response)
        return response


async def _send_reply(reply: Reply, scope: Scope, send: Send) -> None:
    if (exchange := find_exchange(scope)) is not None:
        await exchange.send(reply)
        return
    start = {"status": reply.status, "headers": reply.headers}
    await send({"type": "http.response.start", **start})
    await send({"type": "http.response.body", "body": reply.body})


def make_async(request: HttpRequest, response: HttpResponseBase) -> None:
    """Let a streamed response be produced piece by piece, in the request's thread.

    Django would first gather all pieces of a synchronous iterator in memory.
    """
    streamed: Any = response
    if not response.streaming or streamed.is_async:
        return
    # Nobody receives what a HEAD request would produce.
    pieces = iter(()) if request.method == "HEAD" else iter(streamed.streaming_content)
    streamed.streaming_content = _in_thread(pieces)


async def _in_thread(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    def advance() -> bytes | None:
        try:
            return next(pieces, None)
        finally:
            # The client may take its time with this piece.
            release_connections()

    while (piece := await sync_to_async(advance)()) is not None:
        yield piece
