"""The forecast of a pool: fed with the minutes of the last week, then with each that ends."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from scaling.forecasting import Tournament
from scaling.strategies import Forecast
from tasks_app.selectors.arrivals import get_rolled_up_until, sum_arrivals

_WEEK = 7 * 24 * 60  # minutes
_SETTLED = timedelta(seconds=15)  # after the end of a minute its roll-up is there
_BEYOND = 4  # minutes: the one that is not over, the window, and the edges of both
_SLACK = 1.25


class Foreteller:
    """Keeps a tournament of forecasters up to date."""

    def __init__(self) -> None:
        self._tournament: Tournament | None = None
        self._until: int | None = None  # the minute up to which all is known

    def foretell(self, at: datetime, free: Sequence[int], startup: float) -> Forecast | None:
        """The next minutes; None before anything is known. The first call reads a week.

        Of lanes that are neither paused nor limited: what is submitted to the others does not start
        when it comes, and would be foretold for a time when it cannot start.
        """
        lead = self._choose_lead(startup)
        if self._tournament is None or self._tournament.lead != lead:
            self._tournament = _rebuild(self._tournament, lead)
        self._observe(self._tournament, at, free)
        return self._tournament.forecast()

    def forget(self) -> None:
        """What is not kept up to date is of no use later."""
        self._tournament = self._until = None

    def _choose_lead(self, startup: float) -> int:
        """A start-up and a minute. It shortens only when it is well below: rebuilding costs, and a
        start-up time at the edge of a minute would cause it again and again."""
        lead = _lead(startup)
        if self._tournament is not None and lead < self._tournament.lead:
            return min(self._tournament.lead, _lead(startup * _SLACK))
        return lead

    def _observe(self, tournament: Tournament, at: datetime, free: Sequence[int]) -> None:
        settled = _minute(at - _SETTLED)
        if self._until is not None and settled <= self._until:
            return
        rolled_up = get_rolled_up_until()
        if rolled_up is None:
            return
        # Minutes that the dispatcher has not summed up yet are unknown, not empty.
        until = min(settled, _minute(rolled_up))
        since = until - _WEEK if self._until is None else max(self._until, until - _WEEK)
        if since >= until:
            return
        counts = sum_arrivals(free, _moment(since), _moment(until))
        is_known = tournament.history.end > 0
        first = since if is_known else min(counts, default=until)
        for minute in range(first, until):
            tournament.observe(minute, counts.get(minute, 0))
        self._until = until


def _lead(startup: float) -> int:
    return math.ceil(startup / 60) + 1


def _rebuild(old: Tournament | None, lead: int) -> Tournament:
    """With what the old one has seen."""
    made = Tournament(lead=lead, horizon=lead + _BEYOND)
    if old is not None:
        for minute in range(old.history.first, old.history.end):
            count = old.history.at(minute)
            if count is not None:
                made.observe(minute, count)
    return made


def _minute(moment: datetime) -> int:
    return math.floor(moment.timestamp() / 60)


def _moment(minute: int) -> datetime:
    return datetime.fromtimestamp(minute * 60, UTC)
