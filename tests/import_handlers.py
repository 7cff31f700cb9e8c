"""A processor that reports what its worker has imported since its first fork. This module is
imported before that, as all processors are."""

import os
import sys
from typing import Any

from tasks_app.processors import Context, processor

_at_fork: set[str] = set()


def _remember() -> None:
    if not _at_fork:
        _at_fork.update(sys.modules)


os.register_at_fork(before=_remember)


@processor("test.imported-since-the-fork", max_attempts=1)
def imported(ctx: Context, payload: dict[str, Any]) -> list[str]:
    """Modules that main has imported since it forked its agent, and this child since its own
    start."""
    return sorted(set(sys.modules) - _at_fork)
