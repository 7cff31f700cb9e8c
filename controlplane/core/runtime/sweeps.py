"""What a dispatcher does, in turn: each sweep with its own rhythm.

Apps above this one add theirs with `register` from their AppConfig.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

# A sweep does one bounded batch and says whether more of the same waits.
SweepFunction = Callable[[], bool]


@dataclass
class Sweep:
    """A sweep and when it is due. `every_seconds` counts from the end of the last one."""

    name: str
    every_seconds: float
    run: SweepFunction
    due: float = field(default=0.0)


_registered: list[tuple[str, float, Callable[[], SweepFunction]]] = []


def register(name: str, *, every_seconds: float, make: Callable[[], SweepFunction]) -> None:
    """Add a sweep; `make` gives each dispatcher its own function."""
    _registered.append((name, every_seconds, make))


def make_sweeps() -> list[Sweep]:
    return [Sweep(name, every, make()) for name, every, make in _registered]
