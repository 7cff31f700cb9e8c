"""The forecast of a pool's arrivals, fed with the minutes of a week, then with each that ends."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from scaling.forecast import WEEK, Forecaster
from scaling.strategies import Forecast
from tasks_app.queries.arrivals import get_rolled_up_until, sum_arrivals

_ROLLED_UP_AFTER = timedelta(seconds=15)  # from the end of a minute until its roll-up exists
_BEYOND = 4  # minutes: the one that is not over, the window, and the edges of both
_SLACK = 1.25


class ArrivalForecast:
    """Feeds a forecaster with the minutes that have ended."""

    def __init__(self) -> None:
        self._forecaster: Forecaster | None = None
        self._until: int | None = None  # the minute up to which all is known

    def forecast(self, at: datetime, free: Sequence[int], startup: float) -> Forecast | None:
        """The next minutes; None before anything is known. The first call reads a week.

        free: lanes that are neither paused nor limited. What is submitted to the others does not
        start when it comes, and would be predicted for a time when it cannot start.
        """
        lead = self._choose_lead(startup)
        if self._forecaster is None or self._forecaster.lead != lead:
            self._forecaster = _rebuild(self._forecaster, lead)
        self._observe(self._forecaster, at, free)
        return self._forecaster.forecast()

    def forget(self) -> None:
        """Drop the history: one that is not kept up to date is useless later."""
        self._forecaster = self._until = None

    def _choose_lead(self, startup: float) -> int:
        """A start-up and a minute. It shortens only when it is well below: rebuilding costs, and a
        start-up time at the edge of a minute would cause it again and again."""
        lead = _lead(startup)
        if self._forecaster is not None and lead < self._forecaster.lead:
            return min(self._forecaster.lead, _lead(startup * _SLACK))
        return lead

    def _observe(self, forecaster: Forecaster, at: datetime, free: Sequence[int]) -> None:
        expected = _minute(at - _ROLLED_UP_AFTER)
        if self._until is not None and expected <= self._until:
            return
        rolled_up = get_rolled_up_until()
        if rolled_up is None:
            return
        # Minutes that the dispatcher has not rolled up yet are unknown, not empty.
        until = min(expected, _minute(rolled_up))
        since = until - WEEK if self._until is None else max(self._until, until - WEEK)
        if since >= until:
            return
        counts = sum_arrivals(free, _moment(since), _moment(until))
        is_known = forecaster.history.end > 0
        first = since if is_known else min(counts, default=until)
        for minute in range(first, until):
            forecaster.observe(minute, counts.get(minute, 0))
        self._until = until


def _lead(startup: float) -> int:
    return math.ceil(startup / 60) + 1


def _rebuild(old: Forecaster | None, lead: int) -> Forecaster:
    """With what the old one has seen."""
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
