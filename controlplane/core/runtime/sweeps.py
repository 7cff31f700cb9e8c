"""The recurring jobs of a dispatcher, each with its own interval.

An app adds its own with `register` in its module `upkeep`, which only those processes import that
do this work: together these modules are a third of everything there is to import.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from django.utils.module_loading import autodiscover_modules

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


def discover() -> None:
    """Import every app's `upkeep`. Safe to call again."""
    autodiscover_modules("upkeep")


def make_sweeps() -> list[Sweep]:
    discover()
    return [Sweep(name, every, make()) for name, every, make in _registered]
