"""What a process remembers at module level, and how to forget it.

A cache, a probe's last answer or a moment to rest until outlives the rows that it came from. A
module that keeps such a value registers its reset here; the tests reset all of them before each
test, so that their order does not matter.
"""

from collections.abc import Callable

_resets: list[Callable[[], object]] = []


def register_reset(reset: Callable[[], object]) -> None:
    """Have `reset_all` call this. It may be called at any time and any number of times."""
    _resets.append(reset)


def reset_all() -> None:
    """Forget everything that was registered, as a new process would."""
    for reset in _resets:
        reset()
