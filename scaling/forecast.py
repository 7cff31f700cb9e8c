"""The forecast: the usual number of arrivals at the same minute of the day. There is one model, the
median of the last seven days, since the simulator shows that others add nothing to it
(docs/scaling.md, "Forecasts"): it predicts the load of schedules to the minute.

Each minute it predicts a later minute. When that minute is over, the absolute error is added to a
sum that forgets with a half-life of a day; the error of persistence (nothing changes) at the same
minute to another. The ratio of both sums is the error of the forecast. It is trusted only when the
history is long enough and the error is not above the limit; until then it is recorded, and not
used.
"""

from dataclasses import dataclass
from statistics import median

from scaling.strategies.inputs import Forecast

DAY, WEEK = 1_440, 10_080  # minutes
KEPT = WEEK
_SPARE = DAY  # cut off only once a day: cutting costs as much as what is kept


class History:
    """Counts by minute of the epoch, without gaps; an unknown minute is None."""

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
        k = minute - self.first
        return self._counts[k] if 0 <= k < len(self._counts) else None

    def mean(self, begin: int, end: int) -> float | None:
        """Mean arrivals per known minute of [begin, end); None if none is known."""
        counts = (self.at(minute) for minute in range(begin, end))
        known = [count for count in counts if count is not None]
        return sum(known) / len(known) if known else None


_DAYS = 7
_PERSISTENCE_MINUTES = 3
_FORGET = 0.5 ** (1 / DAY)
_MIN_JUDGED = DAY / 2  # minutes


def predict(history: History, end: int, minute: int) -> float | None:
    """The median of the previous days at this minute, from arrivals before `end`; None without
    data."""
    days = (minute - day * DAY for day in range(1, _DAYS + 1))
    counts = (history.at(each) for each in days if each < end)
    known = [count for count in counts if count is not None]
    return float(median(known)) if known else None


def persist(history: History, end: int) -> float | None:
    """The mean of the last three minutes before `end`: a forecast must not be worse than this."""
    return history.mean(end - _PERSISTENCE_MINUTES, end)


@dataclass(slots=True)
class _Errors:
    """Sums of absolute errors at the same minutes: of the forecast, and of persistence."""

    forecast: float = 0.0
    persistence: float = 0.0
    minutes: int = 0

    @property
    def ratio(self) -> float:
        """Below 1: better than expecting no change."""
        if self.persistence == 0.0:
            return 1.0 if self.forecast == 0.0 else float("inf")
        return self.forecast / self.persistence

    def add(self, forecast: float, persistence: float) -> None:
        """Add one minute; the weight of earlier ones decreases."""
        self.forecast = self.forecast * _FORGET + forecast
        self.persistence = self.persistence * _FORGET + persistence
        self.minutes += 1


class Forecaster:
    """The forecaster of one pool. Deterministic: the same minutes give the same forecasts.

    lead: minutes ahead at which it is evaluated: about one start-up and a minute. proof: minutes of
    history before it is trusted. limit: the highest trusted error.
    """

    def __init__(
        self, *, lead: int = 2, horizon: int = 6, proof: int = 3 * DAY, limit: float = 1.0
    ) -> None:
        self.history = History()
        self.lead, self.horizon, self.proof, self.limit = lead, horizon, proof, limit
        self._errors = _Errors()
        # For minutes that are not over yet: what the forecast and persistence predicted.
        self._predicted: dict[int, tuple[float, float]] = {}

    def observe(self, minute: int, count: int) -> None:
        """The arrivals of one minute of the epoch that is over. Earlier minutes are ignored."""
        if self.history.end > minute and self.history.end != 0:
            return
        self._judge(minute, count)
        self.history.append(minute, count)
        ahead = minute + self.lead
        forecast = predict(self.history, minute + 1, ahead)
        persistence = persist(self.history, minute + 1)
        if forecast is not None and persistence is not None:
            self._predicted[ahead] = forecast, persistence

    def forecast(self) -> Forecast | None:
        """The next minutes; None until half a day was evaluated."""
        if self._errors.minutes < _MIN_JUDGED:
            return None
        end = self.history.end
        values = (predict(self.history, end, end + k) for k in range(self.horizon))
        is_old_enough = end - self.history.first >= self.proof
        return Forecast(
            start=end * 60.0,
            per_minute=tuple(round(value or 0.0, 3) for value in values),
            error=round(self._errors.ratio, 4),
            trusted=is_old_enough and self._errors.ratio <= self.limit,
        )

    def _judge(self, minute: int, count: int) -> None:
        predicted = self._predicted.pop(minute, None)
        for old in [each for each in self._predicted if each < minute]:
            del self._predicted[old]
        if predicted is not None:
            forecast, persistence = predicted
            self._errors.add(abs(forecast - count), abs(persistence - count))
