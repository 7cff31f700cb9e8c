"""Arrivals per minute of the last week."""

DAY, WEEK = 1_440, 10_080  # minutes
KEPT = WEEK
_SPARE = DAY  # cut off only once a day: cutting costs as much as what is kept


class History:
    """Counts by minute of the epoch, without gaps; a minute of which nothing is known is None."""

    def __init__(self) -> None:
        self.first = 0
        self._counts: list[int | None] = []

    @property
    def end(self) -> int:
        """The minute after the last one."""
        return self.first + len(self._counts)

    def append(self, minute: int, count: int) -> None:
        """The arrivals of a minute that is over. Earlier minutes than the last are ignored."""
        if not self._counts or minute - self.end > KEPT:
            self.first, self._counts = minute, []
        if minute < self.end:
            return
        self._counts += [None] * (minute - self.end)
        self._counts.append(count)
        if len(self._counts) > KEPT + _SPARE:
            self.first, self._counts = self.end - KEPT, self._counts[-KEPT:]

    def at(self, minute: int) -> int | None:
        """Arrivals in this minute, if known."""
        k = minute - self.first
        return self._counts[k] if 0 <= k < len(self._counts) else None

    def mean(self, begin: int, end: int) -> float | None:
        """Mean arrivals per known minute of [begin, end); None if none is known."""
        counts = (self.at(minute) for minute in range(begin, end))
        known = [count for count in counts if count is not None]
        return sum(known) / len(known) if known else None
