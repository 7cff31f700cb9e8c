"""The processes that a worker's main process forks before its pool, and again if they die: its
agent, and with `--dispatch` a dispatcher. They share what main has imported, and follow it: signals
are main's, and they end when it has ended or is gone.
"""

import gc
import logging
import os
import signal
import time
from collections.abc import Callable, Iterable
from typing import Any

logger = logging.getLogger(__name__)

_LOOK_SECONDS = 0.02
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

    def __init__(self, name: str, run: Callable[[], None]) -> None:
        self._name = name
        self._run = run
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
        """Fork it again if it has died; called from Celery's event loop."""
        if self.has_ended():
            logger.warning("%s ended, starting it again", self._name)
            self.start()

    def has_ended(self) -> bool:
        try:
            return os.waitpid(self.pid, os.WNOHANG)[0] == self.pid
        except ChildProcessError:
            return True


def await_ends(companions: Iterable[Companion], seconds: float) -> None:
    """Wait until all have ended, but no longer than that."""
    give_up = time.monotonic() + seconds
    for companion in companions:
        while not companion.has_ended() and time.monotonic() < give_up:
            time.sleep(_LOOK_SECONDS)


def share_memory(**_: Any) -> None:
    """Before a fork: exclude existing objects from garbage collection, so that the collector of the
    new process does not touch, and thereby copy, their pages."""
    gc.collect()
    gc.freeze()
