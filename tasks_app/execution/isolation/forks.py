"""A forked child of a pool child.

A handler may fork. The child has a copy of the engine: its event loop, its slot file, its sockets.
It must use none of them, and must not return into the engine, where it would run other tasks under
leases that are its parent's.
"""

import os
import sys
from collections.abc import Callable
from contextlib import suppress

_after_fork: list[Callable[[], None]] = []
_is_registered = False


def in_child(call: Callable[[], None]) -> None:
    """Have `call` run in every process that is forked from here on."""
    global _is_registered  # noqa: PLW0603 - such a hook cannot be taken back
    _after_fork.append(call)
    if not _is_registered:
        _is_registered = True
        os.register_at_fork(after_in_child=_run_hooks)


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


def _run_hooks() -> None:
    for call in _after_fork:
        call()
