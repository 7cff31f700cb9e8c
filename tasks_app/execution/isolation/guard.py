"""Checks and restores the process state around every handler."""

import asyncio
import logging
import multiprocessing
import os
import sys
from collections.abc import Callable
from typing import Protocol, TypeVar

from tasks_app.execution.isolation import executors, forks
from tasks_app.execution.isolation.connections import HandlerConnections
from tasks_app.execution.isolation.event_loop import SharedLoop
from tasks_app.execution.isolation.process_state import (
    DATABASE_SETTINGS,
    CannotPutBack,
    ProcessState,
)

logger = logging.getLogger(__name__)

_T = TypeVar("_T")

# A type that left nothing behind in this many runs of this process is looked at in full only when
# it takes long, and after its batch: a full look costs a few microseconds.
_PROBATION_RUNS = 20
_LONG_SECONDS = 0.0003
_DEFAULT_EXECUTOR_THREADS = 8


class _Warned(Protocol):
    def warn(self, message: str) -> None: ...


class HandlerGuard:
    """Isolates the handlers of one pool child from each other. Create it once, in the child's main
    thread."""

    def __init__(self, *, recycle: Callable[[str], None]) -> None:
        """`recycle`: called with the reason when this process has to be replaced."""
        self._pid = os.getpid()
        self._recycle = recycle
        self._runs: dict[str, int] = {}  # of types on probation: runs that left nothing
        self._trusted: set[str] = set()
        self._reported: set[tuple[str, str]] = set()
        self.connections = HandlerConnections()
        self.connections.install()
        self._main = self.connections.main
        self._loop: SharedLoop | None = None
        forks.in_child(self._after_fork)
        # Celery's pool marks its children as daemons, which may have no children of their own; but
        # a handler may well use multiprocessing.
        multiprocessing.current_process().daemon = False
        self._state = ProcessState()
        self._async_orm = executors.install(self.connections, self._state, self._recycle)
        self._default_executor: executors.CleaningExecutor | None = None
        self._engine_uses = 0

    @property
    def loop(self) -> SharedLoop:
        """The loop of this child's async handlers; kept, so that their clients survive from batch
        to batch."""
        if self._loop is None:
            self._loop = SharedLoop()
            self._default_executor = executors.CleaningExecutor(
                self.connections,
                self._state,
                self._recycle,
                threads=_DEFAULT_EXECUTOR_THREADS,
                keeps=False,
            )
            self._loop.use_executor(self._default_executor)
        return self._loop

    def before(self) -> None:
        """Before a sync handler: check the connections, so that one that died before is not
        attributed to it."""
        self._engine_uses = self.connections.engine_uses
        if self._main:
            self._main.drop_dead()

    def after_report(self) -> None:
        """After the engine used its own connection on the stack of a handler."""
        self._engine_uses = self.connections.engine_uses

    def end_fork(self, error: BaseException | None) -> None:
        """End this process if a handler, or its author's code, forked it."""
        if os.getpid() != self._pid:
            forks.end_child(error)

    def after(
        self,
        task_type: str,
        context: _Warned,
        seconds: float,
        error: BaseException | None,
        was_interrupted: bool,
    ) -> None:
        """After a handler, before anything else: ends a forked child, puts back what the handler
        changed, and reports it on the task by `context.warn`. Raises nothing: a failure here comes
        from the handler, and has this process replaced.

        `seconds` it took; `error` it raised; `was_interrupted`, at whatever line it was, so that
        its connections may be in the middle of a query."""
        self.end_fork(error)
        left: list[str] = []
        try:
            if sys.getrecursionlimit() != self._state.recursion_limit:
                # Before any call: a low limit may leave no room for one.
                sys.setrecursionlimit(self._state.recursion_limit)
                left = ["the recursion limit"]
            if self._main or self.connections.has_touched_engine(self._engine_uses):
                left += self._clean_connections(was_interrupted)
            if changed := self._state.put_back_common():
                left += changed
            if seconds >= _LONG_SECONDS or task_type not in self._trusted:
                left += self._look_longer(task_type)
            if left:
                self._distrust(task_type)
                self._tell(task_type, left, context.warn)
        except BaseException as cause:  # noqa: BLE001 - see above
            context.warn(self._give_up(f"A handler of type {task_type}", cause))

    def _clean_connections(self, was_interrupted: bool) -> list[str]:
        left = []
        if self.connections.has_touched_engine(self._engine_uses):
            self.connections.drop_engine()
            self._engine_uses = self.connections.engine_uses
            left.append("the engine's own database connection")
        if was_interrupted:
            self._main.drop_all()
        else:
            left += self._main.clean()
        return left

    def _look_longer(self, task_type: str) -> list[str]:
        if task_type not in self._trusted:
            self._runs[task_type] = runs = self._runs.get(task_type, 0) + 1
            if runs >= _PROBATION_RUNS:
                self._trusted.add(task_type)
        return self._put_back_rest()

    def _put_back_rest(self) -> list[str]:
        left = self._state.put_back_rest()
        if DATABASE_SETTINGS in left:
            self._main.drop_all()
        return left

    def _give_up(self, who: str, cause: BaseException) -> str:
        """Have this process replaced because its state cannot be restored. Returns the message."""
        if isinstance(cause, CannotPutBack):
            reason = f"{who} changed what cannot be put back: {cause}"
        else:
            reason = f"{who} left a state that cannot be checked: {type(cause).__name__}"
        self._recycle(reason)
        return f"{reason}. The worker's process is replaced."

    def _distrust(self, task_type: str) -> None:
        self._runs[task_type] = 0
        self._trusted.discard(task_type)

    def _distrust_all(self) -> None:
        self._runs.clear()
        self._trusted.clear()

    def after_batch(self, *, is_idle: bool) -> None:
        """After some handlers: check what is not checked after each quick one. `is_idle`: no
        handler runs, so a thread that is still running was left behind."""
        left: list[str] = []
        try:
            left = self._put_back_rest()
        except BaseException as cause:  # noqa: BLE001 - as in `after`
            logger.warning("%s", self._give_up("A handler of the last batch", cause))
            self._distrust_all()
        if left:
            self._distrust_all()
            logger.warning("Process state restored after a batch: changed=%s", ", ".join(left))
        if is_idle and self.connections.has_others:
            for busy in self.connections.clean_other_threads():
                logger.warning("A handler left %s", busy)

    def look_after_threads(self) -> None:
        """While async handlers run: a call that an ended handler left running may hold a thread
        that all of them share."""
        for executor in (self._async_orm, self._default_executor):
            if executor is not None and executor.replace_stuck_threads():
                self._recycle("a call that a handler left in a thread does not end")

    def outside_loop(self, call: Callable[[], _T]) -> _T:
        """Run code that uses the main thread's connections for an async handler, which Django
        refuses inside a running event loop. The loop waits for it."""
        loop = asyncio.get_running_loop()
        asyncio._set_running_loop(None)
        try:
            self.before()
            return call()
        finally:
            self._main.clean()
            asyncio._set_running_loop(loop)

    def after_drain(self) -> None:
        """Between two drains a child keeps the connection of one thread at most."""
        if self._main:
            self._async_orm.close_connections()

    def _tell(self, task_type: str, left: list[str], warn: Callable[[str], None]) -> None:
        what = ", ".join(dict.fromkeys(left))
        warn(f"The handler left changed: {what}. The worker put it back.")
        if (task_type, what) not in self._reported:
            self._reported.add((task_type, what))
            logger.warning(
                "Process state restored after a handler: type=%s changed=%s", task_type, what
            )

    def _after_fork(self) -> None:
        self.connections.forget_all()
        if self._loop is not None:
            self._loop.abandon()
