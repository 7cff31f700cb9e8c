"""State that a process keeps at module level, and how to reset it. A cache, a probe's last result
or the end of a pause outlives the rows that it came from. A module that keeps such a value
registers its reset here; the tests reset all of them before each test, so that their order does not
matter.
"""

from collections.abc import Callable

_resets: list[Callable[[], object]] = []


def register_reset(reset: Callable[[], object]) -> None:
    """Have `reset_all` call this. It may be called at any time and any number of times."""
    _resets.append(reset)


def reset_all() -> None:
    """Reset all registered state to that of a new process."""
    for reset in _resets:
        reset()
