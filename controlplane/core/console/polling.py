"""Waiting for something that other processes do."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def poll(
    read: Callable[[], T],
    *,
    until: Callable[[T], bool],
    seconds: float,
    every: float,
    show: Callable[[T], None] | None = None,
) -> tuple[T, bool]:
    """Read until `until` is true or the time is over. Returns the last value, and whether it is
    true. `show` gets each value."""
    give_up = time.monotonic() + seconds
    while True:
        value = read()
        if show is not None:
            show(value)
        if until(value):
            return value, True
        if time.monotonic() > give_up:
            return value, False
        time.sleep(every)
