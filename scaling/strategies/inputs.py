"""The inputs of a decision: the measured demand, the forecast, and the settings."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Any, Self

from pydantic import Field

from scaling.schema import Configuration
from scaling.strategies.runtimes import RunTimes

PREDICTION_WINDOW = 60.0  # seconds


@dataclass(frozen=True, slots=True)
class Forecast:
    """Forecast arrivals per minute, with their error.

    start: the epoch second at which the first of the minutes begins.
    per_minute: tasks in each minute from there.
    error: as a multiple of persistence's (nothing changes) at the same minutes.
    trusted: whether it may raise the recommendation; an untrusted one is recorded and not used.
    """

    start: float
    per_minute: tuple[float, ...]
    error: float = 1.0
    trusted: bool = False

    def rate(self, at: float) -> float:
        """Tasks per second at an epoch second; 0 beyond the forecast."""
        k = int((at - self.start) // 60)
        return self.per_minute[k] / 60 if 0 <= k < len(self.per_minute) else 0.0

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        return cls(**{**value, "per_minute": tuple(value["per_minute"])})


@dataclass(frozen=True, slots=True)
class Expected:
    """Tasks that a schedule is known to start at an epoch second."""

    at: float
    tasks: float


@dataclass(frozen=True, slots=True)
class Demand:
    """The demand of a pool of workers at one moment.

    at, measured_at: epoch seconds; of the decision, and of its figures.
    waiting: ready tasks. oldest: seconds for which the first of them has waited.
    per_second: arrivals per second over the last two minutes.
    ages: for how many seconds each running task has run, without those on draining workers.
    ready, draining: workers. starting: in how many seconds each starting worker will be ready.
    startup: seconds from the request for a worker until it is ready, 95th percentile.
    started, on_time: tasks that started in the last hour, and those among them that started
    within the objective.
    """

    at: float
    measured_at: float
    waiting: int
    oldest: float
    per_second: float
    run_times: RunTimes
    ages: tuple[float, ...]
    ready: int
    starting: tuple[float, ...] = ()
    draining: int = 0
    startup: float = 60.0
    started: int = 0
    on_time: int = 0
    forecast: Forecast | None = None
    expected: tuple[Expected, ...] = ()

    @property
    def workers(self) -> int:
        """The number of workers, including starting ones."""
        return self.ready + len(self.starting)

    def to_json(self) -> dict[str, Any]:
        """As plain values; equal ages in a row are written once, with their number."""
        return {
            **asdict(self),
            "run_times": self.run_times.to_json(),
            "ages": [[age, len(list(same))] for age, same in groupby(self.ages)],
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        forecast = value["forecast"]
        return cls(
            **{
                **value,
                "run_times": RunTimes.from_json(value["run_times"]),
                "ages": tuple(age for age, times in value["ages"] for _ in range(times)),
                "starting": tuple(value["starting"]),
                "forecast": None if forecast is None else Forecast.from_json(forecast),
                "expected": tuple(Expected(**each) for each in value["expected"]),
            }
        )


class Settings(Configuration):
    """The operator's configuration, and constants of the strategies. Times are in seconds.

    slots: per worker.
    minimum_wait_share: share of the objective that a predicted wait may use when the safety factor
    is 1. headroom: slots beside the mean load, in units of its square root.
    scale_in_wait_share, scale_in_headroom: the margin that must be left before a worker is removed.
    window: for how long after the start-up of a worker the wait is predicted.
    stale_after: the age from which measurements are not acted on.
    assumed_run_time: the run time of a task until the first one has ended.
    """

    slots: int = Field(default=1, ge=1)
    minimum_wait_share: float = Field(default=0.5, gt=0)
    headroom: float = 0.3
    scale_in_wait_share: float = 0.3
    scale_in_headroom: float = 0.7
    window: float = Field(default=PREDICTION_WINDOW, gt=0)
    stale_after: float = 60.0
    assumed_run_time: float = 1.0

    def clamp(self, workers: int) -> int:
        return min(self.max_workers, max(self.min_workers, workers))
