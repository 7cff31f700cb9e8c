"""Threads that start at the same moment, each with database connections of its own."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from django.db import connections

_PATIENCE_SECONDS = 30


class Racers:
    """A fixed set of threads; they keep their connections from race to race."""

    def __init__(self, count: int) -> None:
        self._pool = ThreadPoolExecutor(count)
        self._count = count

    def race(self, *actions: Callable[[], Any]) -> list[Any]:
        """Run the actions at once; their results in order. Raises what the first of them raised."""
        assert len(actions) <= self._count
        line = threading.Barrier(len(actions))

        def run(action: Callable[[], Any]) -> Any:
            line.wait(_PATIENCE_SECONDS)
            return action()

        futures = [self._pool.submit(run, action) for action in actions]
        return [future.result(_PATIENCE_SECONDS) for future in futures]

    def start(self, action: Callable[[], Any]) -> Any:
        """Run one action in the background; its future."""
        return self._pool.submit(action)

    def close(self) -> None:
        self.race(*[connections.close_all] * self._count)
        self._pool.shutdown()


@contextmanager
def racers(count: int) -> Iterator[Racers]:
    """Racers for one test."""
    made = Racers(count)
    try:
        yield made
    finally:
        made.close()
