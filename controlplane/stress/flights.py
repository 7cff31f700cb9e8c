"""How many handlers ran at once: from the beginnings and ends of attempts. Pure."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from tasks_app.selectors.ledger import LedgerAttempt
from tasks_app.states import AttemptOutcome

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def read_flights(attempts: Iterable[LedgerAttempt]) -> list[list[int]]:
    """The beginnings and the ends of these attempts, in microseconds of the epoch. Lost ones are
    left out: when they ended is known only from when they were found."""
    known = [row for row in attempts if row.outcome != AttemptOutcome.LOST]
    return [
        [(row.started_at - _EPOCH) // _MICROSECOND for row in known],
        [(row.finished_at - _EPOCH) // _MICROSECOND for row in known],
    ]


def find_peak(starts: Sequence[int], ends: Sequence[int]) -> int:
    """The most that were in flight at once. One that ends as another begins is not with it."""
    ended = sorted(ends)
    peak = gone = 0
    for begun, start in enumerate(sorted(starts), 1):
        while gone < len(ended) and ended[gone] <= start:
            gone += 1
        peak = max(peak, begun - gone)
    return peak
