"""A rule with its bounds."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile

from controlplane.schedules.timing.rules import EveryRule, Rule

_INSTANT = timedelta(microseconds=1)
_LAST_YEAR = 9_000  # beyond, the rules would reach the end of what a datetime can hold


@dataclass(frozen=True, slots=True)
class Count:
    """How many nominal times a span has; `is_exact` is false when counting was given up."""

    times: int
    first: datetime
    last: datetime
    is_exact: bool


@dataclass(frozen=True, slots=True)
class Timing:
    """The nominal times of a schedule: not before `start_at`, and before `end_at`."""

    text: str
    timezone: str
    rule: Rule
    start_at: datetime | None = None
    end_at: datetime | None = None

    def next_after(self, at: datetime) -> datetime | None:
        """The first nominal time later than `at`; None: there is none."""
        return next(self._after(at), None)

    def between(self, after: datetime, until: datetime, limit: int) -> list[datetime]:
        """The nominal times in (after, until], at most the first `limit` of them."""
        times = takewhile(lambda moment: moment <= until, self._after(after))
        return list(islice(times, limit))

    def count(self, after: datetime, until: datetime, limit: int) -> Count | None:
        """How many nominal times are in (after, until]; None for none. A period's are computed,
        others counted up to `limit`."""
        first = self.next_after(after)
        if first is None or first > until:
            return None
        if isinstance(self.rule, EveryRule):
            if self.end_at is not None:
                until = min(until, self.end_at - _INSTANT)
            extra = (until - first) // self.rule.period
            return Count(extra + 1, first, first + extra * self.rule.period, is_exact=True)
        times = 0
        last = first
        for moment in takewhile(lambda moment: moment <= until, self._after(after)):
            if times == limit:
                return Count(times, first, last, is_exact=False)
            times += 1
            last = moment
        return Count(times, first, last, is_exact=True)

    def words(self) -> str:
        """The rule for people, such as `At 02:00 every day (Europe/Berlin)`."""
        return self.rule.words()

    def _after(self, at: datetime) -> Iterator[datetime]:
        at = at.astimezone(UTC)
        if self.start_at is not None and at < self.start_at:
            at = self.start_at.astimezone(UTC) - _INSTANT
        if at.year > _LAST_YEAR:
            return iter(())
        end = self.end_at
        return takewhile(lambda moment: end is None or moment < end, self.rule.after(at))
