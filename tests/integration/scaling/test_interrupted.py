"""What was begun and not finished: a loop that was killed between two writes, an override that no
loop took up, a worker that became ready while it was being chosen."""

from dataclasses import replace
from datetime import timedelta

import pytest

from controlplane.core.clock import now
from scaling.actions import terminate_workers
from scaling.fleet import Phase
from scaling.fleet_snapshot import take_snapshot
from scaling.states import EventState, LaunchState
from scaling.strategies import RunTimes
from tests.factories import make_scaling_event
from tests.fleets.local import LocalFleet, add_node
from tests.integration.scaling.conftest import Loop, override

pytestmark = pytest.mark.django_db


def test_a_decision_that_was_not_carried_out_does_not_succeed(loop: Loop) -> None:
    """The loop was killed between the record and the first worker."""
    event = make_scaling_event("ACTING", from_workers=0, to_workers=5, ago=3)
    loop.decide()
    event.refresh_from_db()
    assert event.state == EventState.SUPERSEDED
    assert "before it acted on this decision" in event.outcome


def test_an_override_that_expired_before_it_took_effect_ends(loop: Loop) -> None:
    """The loop stood still, or nobody led, for as long as the override held."""
    event = override(3, manual_until=now() - timedelta(seconds=1))
    loop.decide()
    event.refresh_from_db()
    assert event.state == EventState.SUPERSEDED
    assert "It expired" in event.outcome


def test_a_worker_that_became_ready_since_the_snapshot_drains_and_is_not_stopped(
    loop: Loop, fleet: LocalFleet
) -> None:
    """A decision takes time, in which it may have registered and begun a long task."""
    loop.decide()
    (key,) = fleet.members
    found = take_snapshot(fleet)
    fleet.members[key] = replace(fleet.members[key], phase=Phase.RUNNING)
    node = add_node(key)
    (victim,) = terminate_workers(fleet, found, 1, RunTimes.of(()))
    assert fleet.stopped == []
    assert fleet.draining() == [key]
    assert (victim["node"], victim["reason"]) == (node, "It was not ready yet.")
    loop.look()
    assert LaunchState.CANCELLED in loop.events()[0].launches.values_list("state", flat=True)
