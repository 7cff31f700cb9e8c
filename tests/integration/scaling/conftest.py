"""A loop over a fleet of rows, and demand that a test can set by making tasks."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from scaling.autoscaler import Autoscaler
from scaling.models import ScalingEvent
from scaling.states import EventState, Trigger
from tasks_app.models import Task
from tasks_app.signals import alert_raised
from tests.factories import make_scaling_event, make_tasks, set_pool
from tests.fleets.local import LocalFleet

Backlog = Callable[[int], None]
Settings = dict[str, Any]
Alerts = list[dict[str, Any]]


@dataclass
class Loop:
    """An autoscaler whose passes are run one by one; each decides."""

    fleet: LocalFleet
    autoscaler: Autoscaler = field(init=False)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """As after a kill: nothing remembered but what the database has. The old lead has ended."""
        if hasattr(self, "autoscaler"):
            self.autoscaler._leadership.resign()
        self.autoscaler = Autoscaler(self.fleet)

    def decide(self) -> None:
        """A pass with a decision."""
        self.fleet.beat()
        self.autoscaler._loop._decide_due = 0.0
        self.run_pass()

    def look(self) -> None:
        """A pass that only follows what is under way."""
        self.fleet.beat()
        self.autoscaler._loop._follow_due = 0.0
        self.run_pass()

    def run_pass(self) -> None:
        """Fails the test when the pass did: the loop itself goes on in any case."""
        rest = self.autoscaler.run_pass()
        assert rest < 1.0, "the pass failed: see the log"

    def events(self, *states: EventState) -> list[ScalingEvent]:
        """Oldest first; without states all but those that changed nothing."""
        found = ScalingEvent.objects.order_by("id")
        if states:
            return list(found.filter(state__in=[state.value for state in states]))
        return list(found.exclude(state=EventState.UNCHANGED))


@pytest.fixture
def fleet() -> LocalFleet:
    return LocalFleet()


@pytest.fixture
def scaling(settings: Any) -> dict[str, Any]:
    """The settings of scaling, for a test to change: no stabilisation, one slot per worker."""
    settings.TASKPLANE = {**settings.TASKPLANE, "WORKER_CONCURRENCY": 1}
    settings.TASKPLANE_SCALING = {
        **settings.TASKPLANE_SCALING,
        "BACKEND": "local",
        "STRATEGY": "threshold",
        "STABILISATION_SECONDS": 0.0,
        "COOLDOWN_SECONDS": 0.0,
        "DOWN_COOLDOWN_SECONDS": 0.0,
    }
    found: dict[str, Any] = settings.TASKPLANE_SCALING
    return found


@pytest.fixture
def loop(db: None, scaling: dict[str, Any], fleet: LocalFleet) -> Loop:
    return Loop(fleet)


@pytest.fixture
def backlog(db: None) -> Callable[[int], None]:
    """Make this many tasks wait: the old ones are replaced."""

    def set_backlog(count: int) -> None:
        Task.objects.all().delete()
        make_tasks(count)

    return set_backlog


@pytest.fixture
def alerts() -> Iterator[list[dict[str, Any]]]:
    """The alerts that are raised."""
    heard: list[dict[str, Any]] = []

    def hear(**given: Any) -> None:
        heard.append(given)

    alert_raised.connect(hear)
    yield heard
    alert_raised.disconnect(hear)


def override(workers: int, **columns: Any) -> ScalingEvent:
    """A manual override, as its service leaves it."""
    pool = set_pool(manual_workers=workers, manual_by="Ada", **columns)
    return make_scaling_event(
        EventState.WAITING.value,
        trigger=Trigger.PERSON,
        backend="local",
        strategy="",
        rule="manual",
        from_workers=pool.ready + pool.starting,
        recommended_workers=workers,
        to_workers=workers,
        sentence=f"{workers} workers, set by Ada.",
    )


def grow_to(loop: Loop, backlog: Backlog, workers: int) -> list[str]:
    """Grow to this number of ready workers of the fleet; their keys."""
    backlog(60)
    while sum(1 for m in loop.fleet.members.values() if m.phase != "ended") < workers:
        loop.decide()
        loop.fleet.come_up()
        loop.look()
    backlog(0)
    return list(loop.fleet.members)
