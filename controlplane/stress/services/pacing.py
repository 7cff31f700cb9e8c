"""How many tasks a test's rate allows now: a bucket that holds one second's worth. Pure."""

from datetime import datetime, timedelta

from controlplane.stress.models import StressTest


def tokens(test: StressTest, now: datetime, *, most: int) -> int:
    """Whole submissions that are allowed now, at most `most`. A family that went over the rate is
    paid for later."""
    if test.rate_per_second is None:
        return most
    if test.last_submit_at is None:
        return 1
    seconds = (now - _since(test, now)) / timedelta(seconds=1)
    return min(most, max(0, int(seconds * test.rate_per_second + 1e-6)))


def spend(test: StressTest, count: int, now: datetime) -> datetime:
    """The `last_submit_at` after so many submissions: what was not used up stays."""
    if test.rate_per_second is None or test.last_submit_at is None:
        return now
    return _since(test, now) + timedelta(seconds=count / test.rate_per_second)


def _since(test: StressTest, now: datetime) -> datetime:
    """From when tokens count: a pause fills the bucket only once."""
    rate, last = test.rate_per_second, test.last_submit_at
    if rate is None or last is None:
        return now
    return max(last, now - timedelta(seconds=max(1.0, 1.0 / rate)))
