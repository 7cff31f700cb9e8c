"""How many letters a replay's rate allows now: a bucket that holds one second's worth. Pure."""

from datetime import datetime, timedelta

from dlq.models import Replay

UNLIMITED = 2**31


def tokens(replay: Replay, now: datetime) -> int:
    """Whole submissions that are allowed now."""
    if replay.rate_per_second is None:
        return UNLIMITED
    if replay.last_submit_at is None:
        return 1
    seconds = (now - _since(replay, now)) / timedelta(seconds=1)
    return max(0, int(seconds * replay.rate_per_second + 1e-6))


def spend(replay: Replay, count: int, now: datetime) -> datetime:
    """The `last_submit_at` after so many submissions: what was not used up stays."""
    if replay.rate_per_second is None or replay.last_submit_at is None:
        return now
    return _since(replay, now) + timedelta(seconds=count / replay.rate_per_second)


def _since(replay: Replay, now: datetime) -> datetime:
    """From when tokens count: a pause fills the bucket only once."""
    rate, last = replay.rate_per_second, replay.last_submit_at
    if rate is None or last is None:
        return now
    return max(last, now - timedelta(seconds=max(1.0, 1.0 / rate)))
