"""How many tasks may be submitted now at a rate: a bucket that holds one second's worth. Pure."""

from datetime import datetime, timedelta
from typing import Protocol

UNLIMITED = 2**31


class Paced(Protocol):
    """Submissions at a rate; without `rate_per_second`, as fast as possible."""

    @property
    def rate_per_second(self) -> float | None:
        """Submissions per second."""

    @property
    def last_submit_at(self) -> datetime | None:
        """The time up to which tokens are used; None before the first submission."""


def tokens(paced: Paced, now: datetime) -> int:
    """The number of submissions that are allowed now."""
    if paced.rate_per_second is None:
        return UNLIMITED
    if paced.last_submit_at is None:
        return 1
    seconds = (now - _since(paced, now)) / timedelta(seconds=1)
    return max(0, int(seconds * paced.rate_per_second + 1e-6))


def spend(paced: Paced, count: int, now: datetime) -> datetime:
    """The `last_submit_at` after `count` submissions: the unused allowance is kept."""
    if paced.rate_per_second is None or paced.last_submit_at is None:
        return now
    return _since(paced, now) + timedelta(seconds=count / paced.rate_per_second)


def _since(paced: Paced, now: datetime) -> datetime:
    """The time from which tokens count: a pause fills the bucket only once."""
    rate, last = paced.rate_per_second, paced.last_submit_at
    if rate is None or last is None:
        return now
    return max(last, now - timedelta(seconds=max(1.0, 1.0 / rate)))
