"""A forked child of a pool child.

A handler may fork. The child has a copy of the engine: its event loop, its slot file, its sockets.
It must use none of them, and must not return into the engine, where it would run other tasks under
leases that are its parent's.

It also ends at SIGTERM. The pool child's own handler of that signal raises SystemExit, and Python
drops what is raised while a fork's hooks run: a worker of `multiprocessing.Pool` that was slow to
start lived on, and the pool waited for it for ever.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress

_after_fork: list[Callable[[], None]] = []
_is_registered = False
_engines_handler: object = None  # of SIGTERM
_mask = threading.local()  # of the thread that forks


def in_child(call: Callable[[], None]) -> None:
    """Have `call` run in every process that is forked from here on."""
    global _is_registered, _engines_handler  # noqa: PLW0603 - such a hook cannot be taken back
    _after_fork.append(call)
    if not _is_registered:
        _is_registered = True
        _engines_handler = signal.getsignal(signal.SIGTERM)
        os.register_at_fork(
            before=_hold_end, after_in_parent=_allow_end, after_in_child=_begin_child
        )


def end_child(error: BaseException | None) -> None:
    """End this forked process as `sys.exit` would have: `error` is what its handler raised."""
    status = 0
    if isinstance(error, SystemExit):
        status = error.code if isinstance(error.code, int) else int(error.code is not None)
    elif error is not None:
        status = 1
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()
    os._exit(status & 0xFF)


def _hold_end() -> None:
    """Hold SIGTERM back, until the child has the system's own way to end at it."""
    _mask.before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})


def _allow_end() -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, _mask.before)


def _begin_child() -> None:
    if signal.getsignal(signal.SIGTERM) is _engines_handler:  # not one of the task's author
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _allow_end()
    for call in _after_fork:
        call()
