"""The demand for workers, measured on the rows of all workspaces."""

import time
from collections.abc import Sequence
from datetime import timedelta

from scaling.configuration import Configuration
from scaling.crew import Crew
from scaling.selectors.arrivals import ArrivalMeter
from scaling.selectors.expectations import LEAST_SECONDS, Expectations
from scaling.selectors.experience import BacklogMeter, Punctuality
from scaling.selectors.foretelling import Foreteller
from scaling.selectors.looking import one_snapshot
from scaling.selectors.running import represent
from scaling.strategies import Demand
from scaling.strategies.runtimes import EDGES
from tasks_app.selectors.backlog import count_due_types
from tasks_app.selectors.demand import count_ready, find_longest_wait, group_running, list_lanes
from tasks_app.selectors.runtimes import async_share

_SINGLE_AGES = 200
_SOON_SECONDS = 60.0


class Observer:
    """Measures the demand of one pool. It lives in one process, and remembers its earlier looks:
    losing them costs some precision of the first two minutes, and reading a week of minutes."""

    def __init__(self, queues: Sequence[str]) -> None:
        """`queues`: the names of the pool's queues, or ALL_QUEUES among them."""
        self._queues = tuple(queues)
        self._arrivals = ArrivalMeter()
        self._run_times = BacklogMeter()
        self._punctuality = Punctuality()
        self._expectations = Expectations(self._queues)
        self._foreteller = Foreteller()

    def look(self, crew: Crew, configuration: Configuration) -> Demand:
        """What the pool looks like now, all of it as of one moment of the database's clock.

        Raises OperationalError: the database is away, or a query took more than five seconds.
        """
        began = time.monotonic()
        objective = configuration.objective
        window = configuration.for_strategies(crew.slots).window
        with one_snapshot() as at:
            lanes = list_lanes(self._queues)
            every = [lane.id for lane in lanes]
            free = [lane.id for lane in lanes if lane.is_free]
            waiting = count_ready(lanes, objective)
            oldest = find_longest_wait(free)
            per_second = self._arrivals.measure(at, lanes, waiting, oldest, objective)
            running = group_running(
                every, at, without_nodes=crew.draining, edges=EDGES, single=_SINGLE_AGES
            )
            soon = crew.startup + window
            run_times = self._run_times.measure(
                at,
                every,
                waiting,
                count_due_types(free, at + timedelta(seconds=soon)),
                per_second * soon,
            )
            started, on_time = self._punctuality.measure(at, free, objective)
            ahead = max(LEAST_SECONDS, crew.startup + window + _SOON_SECONDS)
            expected = self._expectations.list_expected(at, lanes, per_second, ahead)
            forecast = None
            if configuration.use_forecast:
                forecast = self._foreteller.foretell(at, free, crew.startup)
            else:
                self._foreteller.forget()
        measured_at = at.timestamp()
        return Demand(
            at=measured_at + time.monotonic() - began,
            measured_at=measured_at,
            waiting=sum(waiting.values()),
            oldest=oldest,
            per_second=per_second,
            run_times=run_times,
            ages=represent(running, slots=len(crew.ready) * crew.slots, share=async_share()),
            ready=len(crew.ready),
            starting=crew.starting,
            draining=len(crew.draining),
            startup=crew.startup,
            started=started,
            on_time=on_time,
            forecast=forecast,
            expected=expected,
        )


def is_idle(demand: Demand) -> bool:
    """Whether nothing waits, nothing runs but on draining workers, and nothing is known to come
    before a worker that is asked for now could be ready, and a minute."""
    soon = demand.at + demand.startup + _SOON_SECONDS
    return (
        demand.waiting == 0
        and not demand.ages
        and not any(each.at <= soon for each in demand.expected)
    )
