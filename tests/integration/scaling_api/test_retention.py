"""How long events and launches are kept."""

from datetime import timedelta
from typing import Any

import pytest

from controlplane.core.clock import now
from scaling.models import Launch, ScalingEvent
from scaling.retention import prune_events
from tasks_app.services import prune_everything
from tests.factories import make_launch, make_scaling_event

pytestmark = pytest.mark.django_db
HOUR, DAY = 3_600, 86_400


@pytest.fixture(autouse=True)
def _environment(environment: Any) -> None:
    environment(RETENTION_DAYS=10)


def test_held_ones_for_hours_the_others_for_days() -> None:
    kept = [
        make_scaling_event("UNCHANGED", ago=5 * HOUR),
        make_scaling_event("SUCCEEDED", ago=9 * DAY),
        make_scaling_event("WAITING", ago=11 * DAY),
        make_scaling_event("ACTING", ago=11 * DAY),
    ]
    make_scaling_event("UNCHANGED", ago=7 * HOUR)
    for state in ("SUCCEEDED", "RECOMMENDED", "SUPERSEDED", "TIMED_OUT", "FAILED"):
        make_scaling_event(state, ago=11 * DAY)
    assert prune_everything()["scalingEvents"] == 6
    assert {event.id for event in ScalingEvent.objects.all()} == {event.id for event in kept}
    assert prune_everything()["scalingEvents"] == 0


def test_launches_go_with_their_events_or_by_their_own_age() -> None:
    make_launch(make_scaling_event(ago=11 * DAY))
    of_new_event = make_launch(make_scaling_event())
    long_ago = now() - timedelta(days=11)
    make_launch(asked_at=long_ago, ended_at=long_ago)
    starting = make_launch(asked_at=long_ago, ended_at=None, state="STARTING")
    loose = make_launch()
    prune_events(100)
    assert {each.id for each in Launch.objects.all()} == {of_new_event.id, starting.id, loose.id}


def test_in_batches() -> None:
    for _ in range(5):
        make_scaling_event("UNCHANGED", ago=7 * HOUR)
    assert [prune_events(2) for _ in range(4)] == [2, 2, 1, 0]
