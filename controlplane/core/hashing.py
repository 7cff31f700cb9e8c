"""Hashing passwords, a few at a time: it is slow on purpose, and all requests share the CPU."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.contrib.auth.hashers import PBKDF2PasswordHasher

from controlplane.core.errors import Unavailable
from controlplane.core.sql import release_connections

AT_ONCE = max(1, (os.cpu_count() or 1) // 2)
WAIT_SECONDS = 30.0
MAX_WAITING = 100


class HashingQueue:
    """Turns of threads."""

    def __init__(
        self,
        at_once: int = AT_ONCE,
        *,
        wait_seconds: float = WAIT_SECONDS,
        max_waiting: int = MAX_WAITING,
    ) -> None:
        self._turns = threading.BoundedSemaphore(at_once)
        self._places = threading.BoundedSemaphore(at_once + max_waiting)
        self._wait_seconds = wait_seconds
        self._mine = threading.local()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for a turn, without a pooled database connection. A thread may nest turns. Raises
        Unavailable: too many wait, or the wait took too long."""
        release_connections()
        if getattr(self._mine, "has_turn", False):
            yield
            return
        busy = Unavailable("Too many log-ins are under way. Try again in a few seconds.")
        if not self._places.acquire(blocking=False):
            raise busy
        try:
            if not self._turns.acquire(timeout=self._wait_seconds):
                raise busy
            self._mine.has_turn = True
            try:
                yield
            finally:
                self._mine.has_turn = False
                self._turns.release()
        finally:
            self._places.release()


queue = HashingQueue()


class QueuedPasswordHasher(PBKDF2PasswordHasher):
    """Django's default hasher, one turn at a time. Its hashes are the same."""

    def encode(self, password: str, salt: str, iterations: int | None = None) -> str:
        """Raises Unavailable instead of waiting too long."""
        with queue.turn():
            return super().encode(password, salt, iterations)
