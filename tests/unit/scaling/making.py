"""Demands and traces for these tests."""

import random
from typing import Any

from scaling.simulation.traces import Trace, run_time
from scaling.strategies import Demand, Forecast, RunTimes

AT = 1_000_000.0
FIVE_SECONDS = RunTimes.of([5.0] * 200)


def demand(**changes: Any) -> Demand:
    """Two ready workers, both busy, tasks of 5 s, nothing waiting."""
    values: dict[str, Any] = {
        "at": AT,
        "measured_at": changes.get("at", AT),
        "waiting": 0,
        "oldest": 0.0,
        "per_second": 0.3,
        "run_times": FIVE_SECONDS,
        "ages": (1.0, 2.0),
        "ready": 2,
    }
    return Demand(**{**values, **changes})


def forecast(*per_minute: float, trusted: bool = True, start: float = AT) -> Forecast:
    """From now on, minute by minute."""
    return Forecast(start, per_minute, 0.5, trusted)


def random_demand(rng: random.Random) -> Demand:
    """Anything that could be measured."""
    seconds = [run_time(rng) for _ in range(rng.choice([0, 3, 200]))]
    at = AT + rng.randrange(100_000) / 7
    ready = rng.randrange(12)
    return demand(
        at=at,
        waiting=rng.choice([0, 1, 9, 10, 30, 49, 50, 51, 400]),
        oldest=rng.uniform(0, 300),
        per_second=rng.uniform(0, 3),
        run_times=RunTimes.of(seconds),
        ages=tuple(rng.expovariate(1 / 60) for _ in range(rng.randint(0, ready))),
        ready=ready,
        starting=tuple(rng.uniform(0, 60) for _ in range(rng.randrange(4))),
        startup=rng.choice([10.0, 58.4, 240.0]),
        started=1_000,
        on_time=rng.randint(900, 1_000),
        forecast=rng.choice(
            [None, forecast(*(rng.uniform(0, 200) for _ in range(6)), trusted=rng.random() < 0.5)]
        ),
    )


def trace(arrivals: list[float], run_times: list[float], seconds: float = 3_600.0) -> Trace:
    """Without history."""
    return Trace("made", 1, arrivals, run_times, [], seconds)
