"""What was begun and not finished: a loop that was killed between two writes, an order that nobody
took up, a worker that came up while it was being chosen."""

from dataclasses import replace
from datetime import timedelta

import pytest

from controlplane.core.clock import now
from scaling.fleet import Phase
from scaling.services.acting import shrink
from scaling.services.mustering import muster
from scaling.states import EventState, LaunchState
from scaling.strategies import RunTimes
from tests.fleets.local import LocalFleet, add_node
from tests.integration.scaling.conftest import Loop, order
from tests.scalingrows import make_event

pytestmark = pytest.mark.django_db


def test_a_decision_that_was_not_carried_out_is_not_called_reached(loop: Loop) -> None:
    """The loop was killed between the record and the first worker."""
    event = make_event("ACTING", from_workers=0, to_workers=5, ago=3)
    loop.turn()
    event.refresh_from_db()
    assert event.state == EventState.SUPERSEDED
    assert "before it was carried out" in event.outcome


def test_an_order_whose_time_is_over_before_it_was_taken_up_ends(loop: Loop) -> None:
    """The loop stood still, or nobody led, for as long as the order held."""
    event = order(3, manual_until=now() - timedelta(seconds=1))
    loop.turn()
    event.refresh_from_db()
    assert event.state == EventState.SUPERSEDED
    assert "Its time was over" in event.outcome


def test_a_worker_that_came_up_since_the_look_drains_and_is_not_told_to_end(
    loop: Loop, fleet: LocalFleet
) -> None:
    """A decision takes time, in which it may have registered and begun a long task."""
    loop.turn()
    (key,) = fleet.members
    found = muster(fleet)
    fleet.members[key] = replace(fleet.members[key], phase=Phase.RUNNING)
    node = add_node(key)
    (victim,) = shrink(fleet, found, 1, RunTimes.of(()))
    assert fleet.stopped == []
    assert fleet.draining() == [key]
    assert (victim["node"], victim["reason"]) == (node, "It had not come up.")
    loop.look()
    assert LaunchState.CANCELLED in loop.events()[0].launches.values_list("state", flat=True)
