"""The forecast of a pool's arrivals. Its input is a week of minutes, then each minute that ends."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from django.db import connection

from controlplane.core.sql import load_sql
from scaling.forecast import WEEK, Forecaster
from scaling.strategies import Forecast
from tasks_app.models import RollupMark

_ROLLED_UP_AFTER = timedelta(seconds=15)  # from the end of a minute until its roll-up exists
_BEYOND = 4  # minutes: the one that is not over, the window, and the edges of both
_SLACK = 1.25
_MAX_ROLLUPS = 500_000


class ArrivalForecast:
    """Feeds a forecaster with the minutes that have ended."""

    def __init__(self) -> None:
        self._forecaster: Forecaster | None = None
        self._until: int | None = None  # the minute up to which all is known

    def forecast(self, at: datetime, free: Sequence[int], startup: float) -> Forecast | None:
        """The next minutes; None before there is data. The first call reads a week. free: lanes
        that are neither paused nor limited. Tasks in other lanes do not start when they arrive, so
        a prediction for them would be wrong.
        """
        lead = self._choose_lead(startup)
        if self._forecaster is None or self._forecaster.lead != lead:
            self._forecaster = _rebuild(self._forecaster, lead)
        self._observe(self._forecaster, at, free)
        return self._forecaster.forecast()

    def forget(self) -> None:
        """Drop the history: one that is not updated is useless later."""
        self._forecaster = self._until = None

    def _choose_lead(self, startup: float) -> int:
        """A start-up and a minute. It is shortened only if the start-up time is well below:
        rebuilding is costly, and a start-up time close to a full minute would cause it
        repeatedly."""
        lead = _lead(startup)
        if self._forecaster is not None and lead < self._forecaster.lead:
            return min(self._forecaster.lead, _lead(startup * _SLACK))
        return lead

    def _observe(self, forecaster: Forecaster, at: datetime, free: Sequence[int]) -> None:
        expected = _minute(at - _ROLLED_UP_AFTER)
        if self._until is not None and expected <= self._until:
            return
        mark = RollupMark.objects.first()
        if mark is None:
            return  # nothing was ever rolled up
        # Minutes that the dispatcher has not rolled up yet are unknown, not empty.
        until = min(expected, _minute(mark.until))
        since = until - WEEK if self._until is None else max(self._until, until - WEEK)
        if since >= until:
            return
        counts = _sum_arrivals(free, _moment(since), _moment(until))
        is_known = forecaster.history.end > 0
        first = since if is_known else min(counts, default=until)
        for minute in range(first, until):
            forecaster.observe(minute, counts.get(minute, 0))
        self._until = until


def _sum_arrivals(lanes: Sequence[int], since: datetime, until: datetime) -> dict[int, int]:
    """Submitted tasks by minute of the epoch, of the minutes in [since, until) that have any row of
    these lanes, in order.

    At most half a million rows of the roll-ups are looked at, the newest: with very many types the
    earliest minutes are missing.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            load_sql("scaling", "sum_arrivals"),
            {"lanes": list(lanes), "since": since, "until": until, "most": _MAX_ROLLUPS},
        )
        rows = cursor.fetchall()
    if rows and rows[0][2]:
        rows = rows[1:]  # the first minute may have been cut in two
    return {minute: int(submitted) for minute, submitted, _ in rows}


def _lead(startup: float) -> int:
    return math.ceil(startup / 60) + 1


def _rebuild(old: Forecaster | None, lead: int) -> Forecaster:
    """Create a forecaster with the history of the old one."""
    new = Forecaster(lead=lead, horizon=lead + _BEYOND)
    if old is not None:
        for minute in range(old.history.first, old.history.end):
            count = old.history.at(minute)
            if count is not None:
                new.observe(minute, count)
    return new


def _minute(moment: datetime) -> int:
    return math.floor(moment.timestamp() / 60)


def _moment(minute: int) -> datetime:
    return datetime.fromtimestamp(minute * 60, UTC)
