"""Declaring nodes lost: only silence on the detector's own clock counts."""

from datetime import timedelta
from types import SimpleNamespace
from uuid import UUID

import pytest
from django.db import OperationalError, connections
from django.utils import timezone
from pytest_django import Settings

from tasks_app.dispatch import rescue_interval_seconds
from tasks_app.models import Task, TaskAttempt
from tasks_app.services import submit_task
from tasks_app.services.rescue import rescue_node
from tasks_app.signals import task_dead_lettered
from tasks_app.specs import TaskSpec
from tests.concurrency.racing import Racers
from tests.manual_worker import claim, register_node
from workers import services
from workers.models import Node
from workers.services import LossDetector, beat_node

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")

LEASE_SECONDS = 10.0


class Clock:
    """A monotonic clock that the test moves."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Clock:
    settings.TASKPLANE = {**settings.TASKPLANE, "LEASE_SECONDS": LEASE_SECONDS}
    made = Clock()
    monkeypatch.setattr(services, "time", SimpleNamespace(monotonic=made.monotonic))
    return made


def look_for(
    detector: LossDetector, clock: Clock, seconds: float, living: int | None = None
) -> list[int]:
    """Look once a second, with a beat of `living` before each look; who was declared lost."""
    lost = []
    for _ in range(int(seconds)):
        clock.now += 1
        if living is not None:
            beat_node(living)
        lost += detector.check()
    return lost


def test_a_silent_node_is_lost_after_its_lease_and_its_work_goes_on(clock: Clock) -> None:
    silent, living = register_node(), register_node()
    task = submit_task(spec=TaskSpec(type="noop"))
    claim(silent)
    detector = LossDetector()
    assert look_for(detector, clock, LEASE_SECONDS, living) == []
    assert Task.objects.get(id=task).state == "RUNNING"
    assert look_for(detector, clock, 1, living) == [silent]
    row = Task.objects.get(id=task)
    assert (row.state, row.lost_count, row.max_attempts - row.round_attempts) == ("PENDING", 1, 1)
    assert list(TaskAttempt.objects.values_list("outcome", flat=True)) == ["LOST"]
    assert beat_node(silent) is None


def test_a_clock_step_of_the_wall_reaps_nobody(clock: Clock) -> None:
    node = register_node()
    detector = LossDetector()
    hour = timedelta(hours=1)
    for step in (-hour, hour):
        Node.objects.filter(id=node).update(heartbeat_at=timezone.now() + step)
        assert look_for(detector, clock, LEASE_SECONDS - 2) == []
        beat_node(node)
    assert Node.objects.get(id=node).state == "ACTIVE"


def test_an_outage_reaps_nobody(clock: Clock) -> None:
    """Nobody could beat while the database was away, and nobody could look."""
    nodes = [register_node() for _ in range(3)]
    detector = LossDetector()
    assert look_for(detector, clock, LEASE_SECONDS - 2) == []
    clock.now += 10 * LEASE_SECONDS
    assert detector.check() == []
    assert look_for(detector, clock, LEASE_SECONDS - 1) == []
    assert Node.objects.filter(id__in=nodes, state="ACTIVE").count() == 3


def test_looks_that_fail_count_as_an_outage(clock: Clock, settings: Settings) -> None:
    register_node()
    detector = LossDetector()
    assert look_for(detector, clock, 5) == []
    port = connections["default"].settings_dict["PORT"]
    connections["default"].close()
    connections["default"].settings_dict["PORT"] = "1"
    try:
        for _ in range(int(LEASE_SECONDS)):
            clock.now += 1
            with pytest.raises(OperationalError):
                detector.check()
    finally:
        connections["default"].settings_dict["PORT"] = port
    assert detector.check() == []
    assert look_for(detector, clock, LEASE_SECONDS - 1) == []


def test_a_fresh_or_thawed_dispatcher_reaps_nobody(clock: Clock) -> None:
    node = register_node()
    Node.objects.filter(id=node).update(heartbeat_at=timezone.now() - timedelta(days=1))
    old = LossDetector()
    assert look_for(old, clock, LEASE_SECONDS) == []
    clock.now += LEASE_SECONDS  # as if frozen for a whole lease
    assert old.check() == []
    assert LossDetector().check() == []


def test_a_beat_that_comes_last_saves_the_node(clock: Clock, two: Racers) -> None:
    """Two dispatchers find the same silence; the beat moved on after the counter was read."""
    node = register_node()
    first, second = LossDetector(), LossDetector()
    for detector in (first, second):
        detector.check()
    for _ in range(int(LEASE_SECONDS) - 1):
        clock.now += 1
        assert first.check() == second.check() == []
    clock.now += 1
    lost = two.race(first.check, second.check)
    assert sorted(lost) == [[], [node]]
    saved = register_node()
    seen = Node.objects.get(id=saved).heartbeat
    beat_node(saved)
    assert not services.transitions.lose(saved, heartbeat=seen)


@pytest.mark.parametrize("lease_seconds", [1.0, 2.0, 30.0])
def test_looks_are_close_enough_to_find_silence(
    clock: Clock, settings: Settings, lease_seconds: float
) -> None:
    """Also when a look comes twice as late as it should."""
    settings.TASKPLANE = {**settings.TASKPLANE, "LEASE_SECONDS": lease_seconds}
    silent = register_node()
    detector = LossDetector()
    lost: list[int] = []
    while not lost and clock.now < 1_000 + 2 * lease_seconds:
        clock.now += 2 * rescue_interval_seconds()
        lost = detector.check()
    assert lost == [silent]


def test_a_death_that_nobody_can_record_holds_up_no_other_rescue() -> None:
    """One task's dead letter cannot be written: the rest of the node's work must not wait for it,
    and the node must not stay among the living."""
    node = register_node()
    poison = submit_task(spec=TaskSpec(type="noop", priority=1))
    other = submit_task(spec=TaskSpec(type="noop"))
    Task.objects.filter(id=poison).update(lost_count=2)
    assert len(claim(node) + claim(node)) == 2

    def refuse(task_ids: list[UUID], **_: object) -> None:
        raise RuntimeError("no mourners today")

    task_dead_lettered.connect(refuse)
    try:
        assert rescue_node(node) == 2
    finally:
        task_dead_lettered.disconnect(refuse)
    assert Task.objects.get(id=other).state == "PENDING"
    row = Task.objects.get(id=poison)
    assert (row.state, row.error["category"]) == ("RETRYING", "UNKNOWN")  # type: ignore[index]
    assert TaskAttempt.objects.get(task_id=poison).outcome == "INTERRUPTED"
