"""The recurring jobs of a dispatcher, each with its own interval.

Apps above this one add theirs with `register` from their AppConfig.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

# A sweep does one bounded batch and returns whether there is more.
SweepFunction = Callable[[], bool]


@dataclass
class Sweep:
    """A sweep and its next time. `every_seconds` counts from the end of the previous run."""

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
