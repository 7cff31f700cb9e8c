"""Streamed responses under an ASGI server."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

from asgiref.sync import sync_to_async
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from controlplane.core.connections import release_connections


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
