"""The threads in which async handlers run sync code: asgiref's one thread, and asyncio's default
executor. Each call in them is a handler's, so each is cleaned up after as a handler is."""

import asyncio
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from time import monotonic
from typing import Any, ParamSpec, TypeVar

from asgiref.sync import SyncToAsync

from tasks_app.execution.isolation import forks
from tasks_app.execution.isolation.connections import HandlerConnections, ThreadConnections
from tasks_app.execution.isolation.event_loop import CURRENT, Handler
from tasks_app.execution.isolation.process_state import (
    DATABASE_SETTINGS,
    CannotPutBack,
    ProcessState,
)

_LEFT_SECONDS = 1.0  # a call may run on for so long after its handler

_P = ParamSpec("_P")
_T = TypeVar("_T")


class LeftOpen(RuntimeError):  # noqa: N818 - says what happened
    """A call in a shared thread ended inside a transaction that it had opened."""


class CleaningExecutor(ThreadPoolExecutor):
    """A pool whose threads keep no broken connection, no open transaction and no session state from
    one call to the next, and put back what a call changed in the process."""

    def __init__(
        self,
        connections: HandlerConnections,
        state: ProcessState,
        recycle: Callable[[str], None],
        *,
        threads: int,
        keeps: bool,
    ) -> None:
        """`keeps`: a thread keeps its connection between calls."""
        super().__init__(max_workers=threads, thread_name_prefix="handler")
        self._connections = connections
        self._state = state
        self._keeps = keeps
        self._recycle = recycle
        self._running: dict[int, tuple[Handler | None, float]] = {}  # by thread: since when
        self._given_up: set[int] = set()

    def submit(self, fn: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> "Future[_T]":
        return super().submit(self._run, CURRENT.get(), fn, args, kwargs)

    def close_connections(self) -> None:
        """Close the connections of the threads when they are idle."""
        if self._threads:
            super().submit(lambda: self._connections.adopt_this_thread().drop_all())

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Does nothing: the pool belongs to the worker, not to a handler that shuts it down."""

    def replace_stuck_threads(self) -> bool:
        """Whether a call still runs whose handler has ended a while ago. Its thread may never come
        back, so another takes its place for the calls of others."""
        is_stuck = False
        for thread, (owner, since) in list(self._running.items()):
            is_left = owner is not None and owner.has_ended and monotonic() - since > _LEFT_SECONDS
            if is_left and thread not in self._given_up:
                self._given_up.add(thread)
                self._max_workers += 1
                # The pool counts an idle thread for each call that has ended, and starts none for
                # a submission while it counts any.
                while self._idle_semaphore.acquire(blocking=False):
                    continue
                super().submit(lambda: None)
                is_stuck = True
        return is_stuck

    def _run(self, owner: Handler | None, call: Callable[..., _T], args: Any, kwargs: Any) -> _T:
        own = self._connections.adopt_this_thread()
        own.drop_dead()
        pid, thread = os.getpid(), threading.get_ident()
        self._running[thread] = (owner, monotonic())
        try:
            result = call(*args, **kwargs)
        except BaseException as error:
            if os.getpid() != pid:
                forks.end_child(error)
            self._clean(own, owner)
            raise
        finally:
            self._running.pop(thread, None)
        if os.getpid() != pid:
            forks.end_child(None)
        if left := self._clean(own, owner):
            raise LeftOpen(
                f"The call left {', '.join(left)} in a thread that async handlers share; it was "
                "undone. Begin and end a transaction within one call of sync_to_async."
            )
        return result

    def _clean(self, own: ThreadConnections, owner: Handler | None) -> list[str]:
        if asyncio._get_running_loop() is not None:
            asyncio._set_running_loop(None)
        try:
            changed = self._state.put_back_all()
        except CannotPutBack as cause:
            changed = [str(cause)]
            self._recycle(f"a call in a thread changed {cause}")
        if changed and owner is not None:
            owner.warn(f"A call in a thread left changed: {', '.join(changed)}.")
        if DATABASE_SETTINGS in changed:
            own.drop_all()
        left = own.clean()
        if not self._keeps:
            own.drop_all()
        return left


def install(
    connections: HandlerConnections, state: ProcessState, recycle: Callable[[str], None]
) -> CleaningExecutor:
    """Replace the thread in which `sync_to_async` runs sync code, Django's async ORM included."""
    executor = CleaningExecutor(connections, state, recycle, threads=1, keeps=True)
    SyncToAsync.single_thread_executor = executor
    return executor
