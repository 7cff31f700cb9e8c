"""Several small models compete; the one that was least wrong lately speaks.

Each minute every model says what it expects some minutes ahead. When that minute is over, the
absolute error is added to a sum that forgets with a half-life of a day; the error of persistence
(nothing changes) at the same minutes to another. The ratio of both sums is the model's error. A
forecast is believed only when the history is long enough, when enough minutes were judged, and
when the best ratio is not above the limit; until then it is recorded, and used by nobody.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from scaling.forecasting.history import DAY, History
from scaling.forecasting.models import MODELS, persistence
from scaling.strategies.inputs import Forecast

_FORGET = 0.5 ** (1 / DAY)
_JUDGED_LEAST = DAY / 2


@dataclass(slots=True)
class Score:
    """Sums of absolute errors at the same minutes: a model's own, and persistence's."""

    own: float = 0.0
    persistence: float = 0.0
    minutes: float = 0.0

    @property
    def ratio(self) -> float:
        """Below 1: better than to expect that nothing changes."""
        if self.persistence == 0.0:
            return 1.0 if self.own == 0.0 else float("inf")
        return self.own / self.persistence

    def add(self, own: float, other: float) -> None:
        """One minute more; what was before fades."""
        self.own = self.own * _FORGET + own
        self.persistence = self.persistence * _FORGET + other
        self.minutes += 1


class Tournament:
    """The forecaster of one pool. Deterministic: the same minutes give the same forecasts.

    lead: minutes ahead at which models are judged: about one start-up and a minute.
    proof: minutes of history before a forecast is believed. limit: the highest error that is.
    """

    def __init__(
        self, *, lead: int = 2, horizon: int = 6, proof: int = 3 * DAY, limit: float = 1.0
    ) -> None:
        self.history = History()
        self.lead, self.horizon, self.proof, self.limit = lead, horizon, proof, limit
        self.scores = {name: Score() for name in MODELS}
        # What was said about minutes that are not over yet: minute → model → tasks.
        self._said: dict[int, dict[str, float]] = {}

    def observe(self, minute: int, count: int) -> None:
        """The arrivals of one minute of the epoch that is over. Old news is ignored."""
        if self.history.end > minute and self.history.end != 0:
            return
        self._judge(minute, count)
        self.history.append(minute, count)
        ahead = minute + self.lead
        said = {name: model(self.history, minute + 1, ahead) for name, model in MODELS.items()}
        said["persistence"] = persistence(self.history, minute + 1, ahead)
        self._said[ahead] = {name: value for name, value in said.items() if value is not None}

    def forecast(self) -> Forecast | None:
        """The next minutes by the model that was least wrong; None before anything is known."""
        end = self.history.end
        judged = [n for n, score in self.scores.items() if score.minutes >= _JUDGED_LEAST]
        if not judged:
            return None
        best = min(judged, key=lambda name: self.scores[name].ratio)
        values = [MODELS[best](self.history, end, end + k) for k in range(self.horizon)]
        is_old_enough = end - self.history.first >= self.proof
        return Forecast(
            model=best,
            start=end * 60.0,
            per_minute=tuple(round(value or 0.0, 3) for value in values),
            errors=tuple((name, round(self.scores[name].ratio, 4)) for name in judged),
            trusted=is_old_enough and self.scores[best].ratio <= self.limit,
        )

    def to_json(self) -> dict[str, Any]:
        """All that it knows, as plain values."""
        return {
            "lead": self.lead,
            "horizon": self.horizon,
            "proof": self.proof,
            "limit": self.limit,
            "history": self.history.to_json(),
            "scores": {
                name: [score.own, score.persistence, score.minutes]
                for name, score in self.scores.items()
            },
            "said": [[minute, said] for minute, said in self._said.items()],
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """The inverse of `to_json`; models that no longer exist are left out."""
        made = cls(**{name: value[name] for name in ("lead", "horizon", "proof", "limit")})
        made.history = History.from_json(value["history"])
        made.scores |= {
            name: Score(*sums) for name, sums in value["scores"].items() if name in MODELS
        }
        made._said = {minute: dict(said) for minute, said in value["said"]}
        return made

    def _judge(self, minute: int, count: int) -> None:
        said = self._said.pop(minute, {})
        for old in [each for each in self._said if each < minute]:
            del self._said[old]
        if "persistence" not in said:
            return
        other = abs(said["persistence"] - count)
        for name, value in said.items():
            if name in self.scores:
                self.scores[name].add(abs(value - count), other)
