"""Arrivals per minute of the last two weeks."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

HOUR, DAY, WEEK = 60, 1_440, 10_080  # minutes
KEPT = 2 * WEEK
_SPARE = DAY  # cut off only once a day: cutting costs as much as what is kept


class History:
    """Counts by minute of the epoch, without gaps; a minute of which nothing is known is None.

    Beside the counts stand their sums up to each minute, so that a mean costs two look-ups.
    """

    def __init__(self, first: int = 0, counts: Sequence[int | None] = ()) -> None:
        self.first = first
        self._counts: list[int | None] = []
        self._sums = [0]
        self._known = [0]
        for count in counts:
            self._append(count)

    @property
    def end(self) -> int:
        """The minute after the last one."""
        return self.first + len(self._counts)

    def append(self, minute: int, count: int) -> None:
        """The arrivals of a minute that is over. Earlier minutes than the last are ignored."""
        if not self._counts:
            self.first = minute
        if minute < self.end:
            return
        if minute - self.end > KEPT:
            self.__init__(minute)  # type: ignore[misc] # after two weeks of silence: all anew
        while self.end < minute:
            self._append(None)
        self._append(count)
        if len(self._counts) > KEPT + _SPARE:
            self.__init__(self.end - KEPT, self._counts[-KEPT:])  # type: ignore[misc] # the same

    def at(self, minute: int) -> int | None:
        """Arrivals in this minute, if known."""
        k = minute - self.first
        return self._counts[k] if 0 <= k < len(self._counts) else None

    def mean(self, begin: int, end: int) -> float | None:
        """Mean arrivals per known minute of [begin, end); None if none is known."""
        low = max(0, begin - self.first)
        high = min(len(self._counts), end - self.first)
        if high <= low:
            return None
        known = self._known[high] - self._known[low]
        return (self._sums[high] - self._sums[low]) / known if known else None

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {"first": self.first, "counts": list(self._counts)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """The inverse of `to_json`."""
        return cls(value["first"], value["counts"])

    def _append(self, count: int | None) -> None:
        self._counts.append(count)
        self._sums.append(self._sums[-1] + (count or 0))
        self._known.append(self._known[-1] + (count is not None))
