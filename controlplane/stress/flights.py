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
        [to_microseconds(row.started_at) for row in known],
        [to_microseconds(row.finished_at) for row in known],
    ]


def find_peaks(starts: Sequence[int], ends: Sequence[int], until: Sequence[int]) -> list[int]:
    """The most that were in flight at once in each interval, which ends at one of `until`
    (ascending) and begins at the one before it. One that ends as another begins is not with it."""
    begins, ended = sorted(starts), sorted(ends)
    peaks: list[int] = []
    begun = gone = 0
    for end in until:
        peak = begun - gone
        while begun < len(begins) and begins[begun] <= end:
            while gone < len(ended) and ended[gone] <= begins[begun]:
                gone += 1
            begun += 1
            peak = max(peak, begun - gone)
        while gone < len(ended) and ended[gone] <= end:
            gone += 1
        peaks.append(peak)
    return peaks


def to_microseconds(at: datetime) -> int:
    """As flights have their times."""
    return (at - _EPOCH) // _MICROSECOND
