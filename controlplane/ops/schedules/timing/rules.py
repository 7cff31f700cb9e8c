"""The three kinds of rules: cron fields, a period, one instant. All return UTC.

Cron fields follow Debian's cron where clocks change. A rule with fixed minutes and hours fires once
a day: a time that the clock skips fires at the first minute after the gap, a time that comes twice
fires the first time. A rule whose minutes or hours begin with `*` follows elapsed time.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice, takewhile
from typing import Protocol
from zoneinfo import ZoneInfo

from cronsim import CronSim

from controlplane.ops.schedules.timing.fields import Fields, plain_fields
from controlplane.ops.schedules.timing.sentences import describe

_MINUTE = timedelta(minutes=1)
_DAY = timedelta(days=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# The rarest day that cron fields can name is a weekday's 29 February: at most 40 years apart.
_YEARS_AHEAD = 50


class Rule(Protocol):
    """Instants in order."""

    def after(self, at: datetime) -> Iterator[datetime]:
        """Every instant later than `at`, in UTC, each once."""

    def words(self) -> str:
        """The rule for people."""


@dataclass(frozen=True, slots=True)
class CronRule:
    """Minute, hour, day of month, month, day of week, as written; in a zone."""

    fields: Fields
    zone: ZoneInfo

    def after(self, at: datetime) -> Iterator[datetime]:
        minute, hour = self.fields[:2]
        goes_by_elapsed_time = minute.startswith("*") or hour.startswith("*")
        return self._elapsed(at) if goes_by_elapsed_time else self._fixed(at)

    def words(self) -> str:
        return f"{describe(self._cron(_EPOCH))} ({self.zone.key})"

    def _cron(self, at: datetime) -> CronSim:
        return CronSim(" ".join(plain_fields(self.fields)), at)

    def _fixed(self, at: datetime) -> Iterator[datetime]:
        last = at
        for local in self._cron(at.astimezone(self.zone)):
            found = local.astimezone(UTC)
            # Wall-clock times of one gap all fall on its end; and in the repeated hour the clock's
            # reading is behind the instant it was asked for.
            if found > last:
                last = found
                yield found

    def _elapsed(self, at: datetime) -> Iterator[datetime]:
        """Goes minute by minute, and skips hours and days that cannot match.

        CronSim steps over whole hours of elapsed time and so loses half hours where a zone's clock
        changes by half an hour; only its fields are used here.
        """
        cron = self._cron(_EPOCH)
        moment = at.astimezone(UTC).replace(second=0, microsecond=0) + _MINUTE
        last_year = moment.year + _YEARS_AHEAD
        while moment.year <= last_year:
            local = moment.astimezone(self.zone)
            if local.month not in cron.months or not cron.match_day(local.date()):
                moment = self._start_of(_next_day(cron, local.date(), last_year))
            elif local.hour not in cron.hours:
                moment = self._next_hour(moment, local)
            else:
                if local.minute in cron.minutes:
                    last_year = moment.year + _YEARS_AHEAD
                    yield moment
                moment += _MINUTE

    def _start_of(self, day: date) -> datetime:
        return datetime.combine(day, time(), self.zone).astimezone(UTC)

    def _next_hour(self, moment: datetime, local: datetime) -> datetime:
        leap = moment + timedelta(minutes=60 - local.minute)
        clock_changes = leap.astimezone(self.zone).utcoffset() != local.utcoffset()
        return moment + _MINUTE if clock_changes else leap


def _next_day(cron: CronSim, day: date, last_year: int) -> date:
    day += _DAY
    while day.year <= last_year and not (day.month in cron.months and cron.match_day(day)):
        in_month = day.month in cron.months
        day = day + _DAY if in_month else (day.replace(day=1) + 32 * _DAY).replace(day=1)
    return day


@dataclass(frozen=True, slots=True)
class EveryRule:
    """Instants a period apart, counted from the anchor in both directions."""

    period: timedelta
    anchor: datetime

    def after(self, at: datetime) -> Iterator[datetime]:
        moment = self.anchor + ((at - self.anchor) // self.period + 1) * self.period
        while True:
            yield moment.astimezone(UTC)
            moment += self.period

    def words(self) -> str:
        seconds = self.period // timedelta(seconds=1)
        for size, name in ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")):
            if seconds % size == 0:
                count = seconds // size
                return f"Every {name}" if count == 1 else f"Every {count} {name}s"
        raise AssertionError("a period is whole seconds")


@dataclass(frozen=True, slots=True)
class OnceRule:
    """One instant."""

    at: datetime

    def after(self, at: datetime) -> Iterator[datetime]:
        if self.at > at:
            yield self.at.astimezone(UTC)

    def words(self) -> str:
        at = self.at.astimezone(UTC)
        seconds = f"{at:%S}" if at.second else ""
        return f"Once, on {at.day} {at:%B %Y} at {at:%H:%M}{seconds and ':'}{seconds} UTC"


_INSTANT = timedelta(microseconds=1)
_LAST_YEAR = 9_000  # beyond, the rules would reach the end of what a datetime can hold


@dataclass(frozen=True, slots=True)
class Count:
    """The number of nominal times in a span; `is_exact` is false if counting was stopped at the
    limit."""

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
        """The first nominal time after `at`, or None."""
        return next(self._after(at), None)

    def between(self, after: datetime, until: datetime, limit: int) -> list[datetime]:
        """The nominal times in (after, until], at most the first `limit` of them."""
        times = takewhile(lambda moment: moment <= until, self._after(after))
        return list(islice(times, limit))

    def count(self, after: datetime, until: datetime, limit: int) -> Count | None:
        """The number of nominal times in (after, until]; None for none. Those of a period are
        computed, others counted up to `limit`."""
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
        """The rule in words, such as `At 02:00 every day (Europe/Berlin)`."""
        return self.rule.words()

    def _after(self, at: datetime) -> Iterator[datetime]:
        at = at.astimezone(UTC)
        if self.start_at is not None and at < self.start_at:
            at = self.start_at.astimezone(UTC) - _INSTANT
        if at.year > _LAST_YEAR:
            return iter(())
        end = self.end_at
        return takewhile(lambda moment: end is None or moment < end, self.rule.after(at))
