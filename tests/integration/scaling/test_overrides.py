"""Manual overrides: the number of workers that a person sets."""

from datetime import timedelta

import pytest

from controlplane.core.clock import now
from scaling.models import Pool
from scaling.queries import get_pool
from scaling.states import EventState
from tests.integration.scaling.conftest import Backlog, Loop, grow_to, override

pytestmark = pytest.mark.django_db


def test_an_override_is_followed_and_kept(loop: Loop, backlog: Backlog) -> None:
    grow_to(loop, backlog, 1)
    event = override(4)
    loop.run_pass()
    event.refresh_from_db()
    assert event.state == EventState.ACTING
    assert len(loop.fleet.members) == 4
    loop.fleet.come_up()
    loop.look()
    event.refresh_from_db()
    assert event.state == EventState.SUCCEEDED
    loop.decide()
    assert len(loop.fleet.members) == 4, "no work, and yet the override holds"
    loop.fleet.end(next(iter(loop.fleet.members)))
    loop.decide()
    assert loop.events()[-1].rule == "manual"
    assert "The manual override by Ada asks for 4." in loop.events()[-1].sentence


def test_an_override_expires(loop: Loop, backlog: Backlog) -> None:
    grow_to(loop, backlog, 1)
    override(3, manual_until=now() + timedelta(minutes=5))
    loop.run_pass()
    loop.fleet.come_up()
    loop.look()
    Pool.objects.update(manual_until=now() - timedelta(seconds=1))
    loop.decide()
    assert get_pool().manual_workers is None
    loop.decide()
    assert loop.fleet.draining() != [], "the strategy decides again"


def test_an_override_that_is_released_ends_at_once(loop: Loop, backlog: Backlog) -> None:
    grow_to(loop, backlog, 1)
    override(3)
    loop.run_pass()
    loop.fleet.come_up()
    loop.look()
    Pool.objects.update(manual_workers=None, manual_until=None, manual_by="")
    loop.run_pass()
    loop.decide()
    assert loop.fleet.draining() != []


def test_a_maximum_that_is_lowered_wins_over_an_override(loop: Loop, backlog: Backlog) -> None:
    grow_to(loop, backlog, 1)
    override(4)
    loop.run_pass()
    loop.fleet.come_up()
    Pool.objects.update(overrides={"max_workers": 2}, version=2)
    loop.run_pass()
    event = loop.events()[-1]
    assert (event.from_workers, event.to_workers, event.actor_label) == (4, 2, "Ada")
    assert "but the maximum is 2." in event.sentence


def test_an_override_for_the_present_number_succeeds_at_once(loop: Loop, backlog: Backlog) -> None:
    grow_to(loop, backlog, 2)
    event = override(2)
    loop.run_pass()
    event.refresh_from_db()
    assert (event.state, event.outcome) == (
        EventState.SUCCEEDED,
        "There were already that many workers.",
    )


def test_an_override_that_cannot_be_followed_fails(loop: Loop, backlog: Backlog) -> None:
    grow_to(loop, backlog, 1)
    event = override(2)
    loop.fleet.problem = "The engine does not answer."
    loop.run_pass()
    event.refresh_from_db()
    assert (event.state, event.outcome) == (EventState.FAILED, "The engine does not answer.")
