"""The event loop that async handlers share.

One handler must not stop it, close it, or cancel its neighbours, as code does that was written for
its own loop: `for task in asyncio.all_tasks(): task.cancel()` is in many shut-down routines.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Generator
from concurrent.futures import Executor
from contextvars import Context, ContextVar
from typing import Any, TypeVar

from tasks_app.execution.isolation.forks import end_child

logger = logging.getLogger(__name__)

_T = TypeVar("_T")


class Handler:
    """The owner of a task of the loop. Compared by identity."""

    __slots__ = ("has_ended", "warn")

    def __init__(self, warn: Callable[[str], None]) -> None:
        self.warn = warn
        self.has_ended = False


CURRENT: ContextVar[Handler | None] = ContextVar("taskplane_handler", default=None)
"""The handler whose code runs; None in the engine."""


class HandlerTask(asyncio.Task[_T]):
    """A task that another handler cannot cancel while its own handler runs.

    The task in which a handler itself runs is cancelled by that handler and by the engine only,
    from whatever thread and through whatever awaits it. A task that a handler made may also be
    cancelled by code that runs for no handler, and through what awaits it.
    """

    _interrupting: "HandlerTask[Any] | None" = None
    _is_cascading = False

    def __init__(
        self, *args: Any, owner: Handler | None, is_root: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.owner = owner
        self.is_root = is_root

    def interrupt(self) -> None:
        """Cancel it, for the engine."""
        before, HandlerTask._interrupting = HandlerTask._interrupting, self
        try:
            self.cancel()
        finally:
            HandlerTask._interrupting = before

    def cancel(self, msg: Any | None = None) -> bool:
        if self._is_refused():
            caller = CURRENT.get()
            if caller is not None:
                caller.warn("It tried to cancel the asyncio tasks of other handlers.")
            return False
        before, HandlerTask._is_cascading = HandlerTask._is_cascading, True
        try:
            return super().cancel(msg)
        finally:
            HandlerTask._is_cascading = before

    def _is_refused(self) -> bool:
        if self.owner is None or self.owner.has_ended or HandlerTask._interrupting is self:
            return False
        caller = CURRENT.get()
        if self.is_root:
            return caller is not self.owner
        return caller is not None and caller is not self.owner and not HandlerTask._is_cascading


class SharedLoop(asyncio.SelectorEventLoop):
    """A loop that only the engine may end: a handler's `stop`, `close` and the like have no effect,
    and add a warning to its task."""

    def __init__(self) -> None:
        super().__init__()
        super().set_task_factory(_make_task)

    def start_handler(
        self, run: Coroutine[Any, Any, None], context: Context, owner: Handler
    ) -> "HandlerTask[None]":
        """Start a handler in its context."""
        return HandlerTask(run, loop=self, context=context, owner=owner, is_root=True)

    def run_turn(self) -> None:
        """Run until `end_turn`. What a handler's own task raised to end the process does not end
        it: the handler that awaits that task gets it as well."""
        try:
            self.run_forever()
        except (SystemExit, KeyboardInterrupt) as error:
            logger.warning("Process exit by an asyncio task prevented: error=%r", error)

    def end_turn(self) -> None:
        """Return from `run_turn` after this pass over what is ready."""
        super().stop()

    def use_executor(self, executor: Executor) -> None:
        """Run sync code in it where a handler names no executor."""
        super().set_default_executor(executor)  # type: ignore[arg-type]

    def abandon(self) -> None:
        """In a forked child: run nothing more of what the parent's handlers wait for. A child that
        returns to the loop, as by an `await`, ends."""
        self._ready.clear()  # type: ignore[attr-defined]
        self._scheduled.clear()  # type: ignore[attr-defined]
        self.call_soon(end_child, RuntimeError("A forked child cannot await."))

    def stop(self) -> None:
        self._refuse("stop the event loop")

    def close(self) -> None:
        self._refuse("close the event loop")

    def set_default_executor(self, executor: Any) -> None:
        self._refuse("replace the default executor of the event loop")

    async def shutdown_default_executor(self, *args: Any, **kwargs: Any) -> None:
        self._refuse("shut down the default executor of the event loop")

    async def shutdown_asyncgens(self) -> None:
        self._refuse("shut down the asynchronous generators of the event loop")

    def set_task_factory(self, factory: Any) -> None:
        self._refuse("replace the task factory of the event loop")

    def set_exception_handler(self, handler: Any) -> None:
        self._refuse("replace the exception handler of the event loop")

    def set_debug(self, enabled: bool) -> None:
        # The constructor of the base class calls it as well.
        if CURRENT.get() is None:
            super().set_debug(enabled)
        else:
            self._refuse("switch the debug mode of the event loop")

    def add_signal_handler(self, sig: int, callback: Any, *args: Any) -> None:  # type: ignore[override]
        self._refuse(f"handle signal {int(sig)} in the event loop")

    def _refuse(self, what: str) -> None:
        handler = CURRENT.get()
        if handler is None:
            logger.warning("Call outside a handler refused: call=%s", what)
        else:
            handler.warn(f"It tried to {what}, which all async handlers of the worker share.")


def _make_task(
    loop: asyncio.AbstractEventLoop,
    coro: "Coroutine[Any, Any, _T] | Generator[Any, None, _T]",
    **kwargs: Any,
) -> "asyncio.Future[_T]":
    return HandlerTask(coro, loop=loop, owner=CURRENT.get(), **kwargs)
