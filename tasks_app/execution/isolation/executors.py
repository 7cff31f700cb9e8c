"""The threads in which async handlers run sync code: asgiref's one thread, and asyncio's default
executor. Each call in them is a handler's, so each is cleaned up after as a handler is."""

import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

from asgiref.sync import SyncToAsync

from tasks_app.execution.isolation import forks
from tasks_app.execution.isolation.connections import HandlerConnections, ThreadConnections
from tasks_app.execution.isolation.event_loop import CURRENT, Handler
from tasks_app.execution.isolation.process_state import ProcessState

_P = ParamSpec("_P")
_T = TypeVar("_T")


class LeftOpen(RuntimeError):  # noqa: N818 - says what happened
    """A call in a shared thread ended inside a transaction that it had opened."""


class CleaningExecutor(ThreadPoolExecutor):
    """A pool whose threads keep no broken connection, no open transaction and no session state from
    one call to the next, and put back what a call changed in the process."""

    def __init__(
        self, connections: HandlerConnections, state: ProcessState, *, threads: int, keeps: bool
    ) -> None:
        """`keeps`: a thread keeps its connection between calls."""
        super().__init__(max_workers=threads, thread_name_prefix="handler")
        self._connections = connections
        self._state = state
        self._keeps = keeps
        self._running: dict[int, Handler | None] = {}  # by thread

    def submit(self, fn: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> "Future[_T]":
        return super().submit(self._run, CURRENT.get(), fn, args, kwargs)

    def close_connections(self) -> None:
        """Close what the threads keep, once they are idle."""
        if self._threads:
            super().submit(lambda: self._connections.adopt_this_thread().drop_all())

    def replace_thread_of(self, handler: Handler) -> bool:
        """Whether a call of this handler still runs. Its thread may never come back, so another
        takes its place for the calls of others."""
        if handler not in self._running.values():
            return False
        self._max_workers += 1
        super().submit(lambda: None)  # starts the thread
        return True

    def _run(self, owner: Handler | None, call: Callable[..., _T], args: Any, kwargs: Any) -> _T:
        own = self._connections.adopt_this_thread()
        own.drop_dead()
        pid, thread = os.getpid(), threading.get_ident()
        self._running[thread] = owner
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
        changed = self._state.put_back_all()
        if changed and owner is not None:
            owner.warn(f"A call in a thread left changed: {', '.join(changed)}.")
        left = own.clean()
        if not self._keeps:
            own.drop_all()
        return left


def install(connections: HandlerConnections, state: ProcessState) -> CleaningExecutor:
    """Replace the thread in which `sync_to_async` runs sync code, Django's async ORM included."""
    executor = CleaningExecutor(connections, state, threads=1, keeps=True)
    SyncToAsync.single_thread_executor = executor
    return executor
