"""How long a task may wait, for the pages of queues. The app that knows it is above this one, and
registers how to read it."""

from collections.abc import Callable

_readers: list[Callable[[], float]] = []


def register_objective(reader: Callable[[], float]) -> None:
    """`reader` gives the seconds within which a task should start."""
    _readers[:] = [reader]


def read_objective_ms() -> float | None:
    """In milliseconds; None while no app knows one."""
    return _readers[0]() * 1_000 if _readers else None


def is_over(oldest_ms: float | None, objective_ms: float | None) -> bool:
    """Whether the oldest task waits longer than it may. Without an objective it may for ever."""
    return (oldest_ms or 0) > (objective_ms or float("inf"))
