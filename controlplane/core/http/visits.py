"""Requests that share a visit to a thread."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import IO

from controlplane.core.http.messages import Reply, Scope

# Visits of shared requests at once: while one commits, the next is prepared. Requests in a visit.
_VISITS = 2
_SHARING = 32


class SharedVisits:
    """Requests that arrive while others like them are served make one visit to a thread together.

    A request alone waits for nobody. Measured with 16 connections: the crossing into a thread, and
    a commit, are paid once for about six requests.
    """

    def __init__(
        self,
        respond: Callable[[Sequence[tuple[Scope, IO[bytes]]]], list[Reply | None]],
        threads: ThreadPoolExecutor,
    ) -> None:
        self._respond = respond
        self._threads = threads
        self._waiting: list[tuple[Scope, IO[bytes], asyncio.Future[Reply | None]]] = []
        self._visits: set[asyncio.Task[None] | None] = set()

    async def respond(self, scope: Scope, body: IO[bytes]) -> Reply | None:
        """The response; None leaves the request to Django."""
        answer: asyncio.Future[Reply | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((scope, body, answer))
        if len(self._visits) < _VISITS:
            self._visits.add(asyncio.create_task(self._visit()))
        return await answer

    async def _visit(self) -> None:
        try:
            await self._serve_waiting()
        finally:
            # At once, not by a callback: a request that arrives before the callback would neither
            # be taken by this visit nor begin another.
            self._visits.discard(asyncio.current_task())

    async def _serve_waiting(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            taken, self._waiting = self._waiting[:_SHARING], self._waiting[_SHARING:]
            asked = [(scope, body) for scope, body, _ in taken]
            try:
                replies = await loop.run_in_executor(self._threads, self._respond, asked)
            except Exception as error:  # noqa: BLE001 - raised for each request of the visit
                for _, _, answer in taken:
                    if not answer.done():
                        answer.set_exception(error)
                continue  # others may have arrived, and have no visit of their own
            for (_, _, answer), reply in zip(taken, replies, strict=True):
                if not answer.done():  # its client has left
                    answer.set_result(reply)
