"""The processes that a worker's main process forks before its pool, and again if they die: its
agent, and with `--dispatch` a dispatcher. They share what main has imported, and follow it: signals
are main's, and they end when it stops or is gone: the agent last, since it settles the rows.
"""

import gc
import logging
import os
import shutil
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NoReturn

import psutil

from workers.runtime import Runtime

logger = logging.getLogger(__name__)

_LOOK_SECONDS = 0.02
_KEEP_SECONDS = 0.5
_END_SECONDS = 5.0
_MAINS_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)

# Works until its argument returns True.
WorkUntil = Callable[[Callable[[], bool]], None]

_prepare_dispatcher: Callable[[], WorkUntil] | None = None


def register_dispatcher(prepare: Callable[[], WorkUntil]) -> None:
    """`prepare` imports what a dispatcher uses, and returns what is to run in its process. To be
    called before any fork."""
    global _prepare_dispatcher  # noqa: PLW0603 - one for each program
    _prepare_dispatcher = prepare


def prepare_dispatcher() -> WorkUntil:
    """Import what a dispatcher uses. Called in main, before it forks anything."""
    assert _prepare_dispatcher is not None  # noqa: S101 - registered by what a worker imports
    return _prepare_dispatcher()


class Companion:
    """One of these processes, as main sees it."""

    def __init__(self, name: str, run: Callable[[], None], *, until_stop: bool) -> None:
        self._name = name
        self._run = run
        self.until_stop = until_stop
        self.pid = 0

    def start(self) -> None:
        share_memory()
        self.pid = os.fork()
        if self.pid == 0:
            status = 1
            try:
                for ignored in _MAINS_SIGNALS:
                    signal.signal(ignored, signal.SIG_IGN)
                self._run()
                status = 0
            except BaseException:
                logger.exception("%s failed", self._name)
            finally:
                os._exit(status)  # main's own exit handlers are not this process's

    def keep(self) -> None:
        """Fork it again if it has died."""
        if self.has_ended():
            logger.warning("%s ended, starting it again", self._name)
            self.start()

    def has_ended(self) -> bool:
        try:
            return os.waitpid(self.pid, os.WNOHANG)[0] == self.pid
        except ChildProcessError:
            return True


class Companions:
    """The processes beside this worker's main process."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._all: list[Companion] = []
        self._due = 0.0

    def add(self, name: str, run: Callable[[], None], *, until_stop: bool = False) -> None:
        """Start one more. With `until_stop` it ends by itself when the worker begins to stop."""
        self._all.append(Companion(name, run, until_stop=until_stop))
        self._all[-1].start()

    def make_end(self) -> Callable[[], bool]:
        """Returns True, in a process that main has forked, when main begins to stop, so that their
        ends overlap, or has ended, or is gone."""
        main_pid, state = os.getpid(), self._runtime.node_state
        return lambda: bool(state.stopping_since) or state.has_exited or os.getppid() != main_pid

    def keep(self) -> None:
        """Fork those again that have died, as often as it is called but not in quick succession.
        Called from Celery's event loop, and where main waits for the broker or the database."""
        if time.monotonic() < self._due:
            return
        self._due = time.monotonic() + _KEEP_SECONDS
        is_stopping = bool(self._runtime.node_state.stopping_since)
        for companion in self._all:
            if not (companion.until_stop and is_stopping):
                companion.keep()

    def end(self) -> None:
        """Let the agent settle the remaining rows and the others end their work, and wait."""
        self._runtime.node_state.has_exited = True
        give_up = time.monotonic() + _END_SECONDS
        for companion in self._all:
            while not companion.has_ended() and time.monotonic() < give_up:
                time.sleep(_LOOK_SECONDS)

    def end_now(self) -> NoReturn:
        """End this worker without Celery, which exceeded its time to stop: first the rest of its
        pool, then itself. The agent settles their rows."""
        logger.warning("Worker shutdown timed out: killing its remaining processes")
        kept = {companion.pid for companion in self._all}
        for child in psutil.Process().children():
            if child.pid not in kept:
                with suppress(psutil.NoSuchProcess):
                    child.kill()
        self._runtime.node_state.exit_status = 0
        self.end()
        shutil.rmtree(self._runtime.directory, ignore_errors=True)
        os._exit(0)


def share_memory(**_: Any) -> None:
    """Before a fork: exclude existing objects from garbage collection, so that the collector of the
    new process does not touch, and thereby copy, their pages."""
    gc.collect()
    gc.freeze()
