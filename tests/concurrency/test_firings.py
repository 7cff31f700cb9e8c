"""Dispatchers that fire the same schedules, die in the middle, and whose clocks jump."""

import itertools
import random
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import DatabaseError, InterfaceError, connection, connections
from django.db.models import Count, Q
from django.db.models.signals import post_save
from django_celery_beat.models import PeriodicTask

from controlplane.core.errors import NotFound
from controlplane.ops.schedules import editing, firing, triggering
from controlplane.ops.schedules.beat import BEAT, read_timing
from controlplane.ops.schedules.models import Firing, Schedule
from controlplane.workspaces.actors import SYSTEM
from tasks_app.models import Task
from tests.concurrency.racing import Racers
from tests.factories import make_schedule
from tests.factories.schedules import (
    HOUR,
    MINUTE,
    SECOND,
    history,
    reload,
    start_queued,
    sync_beat,
)

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")

NOON = datetime(2031, 3, 3, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _no_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """A schedule whose firing was made to fail is tried again at once."""
    monkeypatch.setattr(firing, "_REST_SECONDS", 0.0)


class Clock:
    """A clock that runs fast and is set forward and back; all dispatchers read it."""

    def __init__(self, start: datetime, end: datetime, chance: random.Random) -> None:
        self._lock = threading.Lock()
        self._true, self._end, self._chance = start, end, chance
        self.latest = start

    def read(self) -> datetime | None:
        """What the clock shows; None when the span is over."""
        with self._lock:
            if self._true >= self._end:
                return None
            outage = self._chance.random() < 0.02
            self._true += self._chance.uniform(20, 9_000 if outage else 400) * SECOND
            wrong = self._chance.random() < 0.2
            step = self._chance.uniform(-900, 300) * SECOND if wrong else 0 * SECOND
            shown = min(self._true + step, self._end)
            self.latest = max(self.latest, shown)
            return shown


class Killer:
    """Breaks one of ten transactions between a firing and its commit, in two ways by turns: which
    of the two dispatchers comes when is chance enough."""

    def __init__(self) -> None:
        self._turns = itertools.count(1)
        self.kills: Counter[str] = Counter()

    def __call__(self, **_: Any) -> None:
        turn = next(self._turns) % 20
        if turn == 5:
            self.kills["exception"] += 1
            raise RuntimeError("a receiver fails")
        if turn == 15:
            self.kills["connection"] += 1
            with connection.cursor() as cursor, suppress(DatabaseError):
                cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")


SPAN_START = datetime(2026, 3, 28, 20, 0, tzinfo=UTC)  # Berlin's clock changes next morning
MIX: list[dict[str, Any]] = [
    {"schedule": "* * * * *", "timezone": "Europe/Berlin"},
    {"schedule": "*/5 1-4 * * *", "timezone": "Europe/Berlin"},
    {"schedule": "15,30 2 * * *", "timezone": "Europe/Berlin"},
    {"schedule": "@every 5s"},
    {"schedule": "@every 17m"},
    {"schedule": "0 * * * *", "timezone": "Australia/Lord_Howe"},
]
RULES: list[dict[str, Any]] = [
    {"catch_up": True, "catch_up_max": 3, "overlap": "allow"},
    {"catch_up": False, "overlap": "skip"},
]


def make_mix() -> list[Schedule]:
    made = [make_schedule(**times, **rule) for times in MIX for rule in RULES]
    start = SPAN_START
    Schedule.objects.update(created_at=start, considered_until=start, timing="")
    sync_beat(now=start)
    return made


@pytest.fixture
def quick_commits() -> Iterator[None]:
    with connection.cursor() as cursor:
        name = connection.settings_dict["NAME"]
        cursor.execute(f'ALTER DATABASE "{name}" SET synchronous_commit = off')
        yield
        cursor.execute(f'ALTER DATABASE "{name}" RESET synchronous_commit')


def dispatch(clock: Clock) -> None:
    """What a dispatcher does, as often as it is killed."""
    while (shown := clock.read()) is not None:
        try:
            firing.fire_due(now=shown, limit=50)
            if int(shown.timestamp()) % 7 == 0:
                start_queued(now=shown)
        except (DatabaseError, InterfaceError, RuntimeError):
            connections["default"].close()


@pytest.mark.parametrize(
    ("hours", "firings", "kills"),
    [
        (3, 4_500, 2),
        pytest.param(7, 10_000, 5, marks=(pytest.mark.nightly, pytest.mark.ci)),
    ],
)
def test_thousands_of_firings_are_each_decided_exactly_once(
    two: Racers, quick_commits: None, hours: int, firings: int, kills: int
) -> None:
    """Two dispatchers, kills in mid-transaction, outages, and a clock that jumps both ways: at the
    end every nominal time of every schedule has exactly one decision."""
    chance = random.Random(11)
    schedules = make_mix()
    clock = Clock(SPAN_START, SPAN_START + hours * HOUR, chance)
    killer = Killer()
    post_save.connect(killer, sender=Schedule)
    try:
        two.race(lambda: dispatch(clock), lambda: dispatch(clock))
    finally:
        post_save.disconnect(killer, sender=Schedule)
    while firing.fire_due(now=clock.latest):
        pass
    assert min(killer.kills["exception"], killer.kills["connection"]) > kills, killer.kills
    total = sum(check_union(schedule.id, clock.latest) for schedule in schedules)
    assert total >= firings
    check_work()


def check_union(schedule_id: Any, end: datetime) -> int:
    """The firings of one schedule are its nominal times, each once; how many."""
    schedule = Schedule.objects.select_related(*BEAT).get(id=schedule_id)
    expected = read_timing(schedule).between(SPAN_START, end, 100_000)
    decided: list[datetime] = []
    for row in Firing.objects.filter(schedule_id=schedule_id).order_by("scheduled_for"):
        if row.times == 1:
            decided.append(row.scheduled_for)
        else:
            decided += [t for t in expected if row.scheduled_for <= t <= row.until]
            assert row.until is not None
    assert decided == expected
    assert schedule.next_at == read_timing(schedule).next_after(end)
    return len(expected)


def check_work() -> None:
    """Each started firing has its one task, each other one a reason or its turn."""
    started = Firing.objects.filter(state="STARTED")
    tasks = set(Task.objects.values_list("id", flat=True))
    assert set(started.values_list("task_id", flat=True)) == tasks
    assert started.count() == len(tasks)
    assert not Firing.objects.filter(state="FAILED").exists()
    assert not Firing.objects.filter(state="SKIPPED", skip_reason="").exists()
    assert not Firing.objects.exclude(state="STARTED").filter(task_id__isnull=False).exists()
    kinds = dict(started.values_list("kind").annotate(Count("id")))
    assert min(kinds["schedule"], kinds["catch-up"]) > 40, kinds


def test_two_at_the_same_instant_fire_once(two: Racers) -> None:
    schedules = [make_schedule("*/10 * * * *", since=NOON, overlap="allow") for _ in range(5)]
    for turn in range(1, 7):
        at = NOON + turn * 10 * MINUTE
        two.race(lambda at=at: firing.fire_due(now=at), lambda at=at: firing.fire_due(now=at))
    for schedule in schedules:
        assert [line[6:] for line in history(schedule)] == ["STARTED"] * 6
    assert Task.objects.count() == 30


def test_a_trigger_during_a_firing_adds_its_own(two: Racers) -> None:
    schedule = make_schedule("*/10 * * * *", since=NOON, overlap="allow")
    make = {"workspace_id": schedule.workspace_id, "schedule_id": schedule.id, "actor": SYSTEM}
    for turn in range(1, 6):
        at = NOON + turn * 10 * MINUTE
        two.race(lambda at=at: firing.fire_due(now=at), lambda: triggering.trigger_schedule(**make))
    while firing.fire_due(now=NOON + HOUR - MINUTE):
        pass
    assert Counter(Firing.objects.values_list("kind", flat=True)) == {"schedule": 5, "manual": 5}
    assert Task.objects.count() == Firing.objects.filter(state="STARTED").count()


def test_a_pause_during_a_firing_leaves_every_time_decided(two: Racers) -> None:
    schedule = make_schedule("*/10 * * * *", since=NOON, overlap="allow")
    for turn in range(1, 11):
        at = NOON + turn * 10 * MINUTE
        two.race(
            lambda at=at: firing.fire_due(now=at),
            lambda turn=turn: PeriodicTask.objects.filter(pk=schedule.periodic_task_id).update(
                enabled=turn % 2 == 0
            ),
        )
        sync_beat(now=at + SECOND)
    sync_beat(now=NOON + 100 * MINUTE + 2 * SECOND)
    rows = Firing.objects.filter(schedule=schedule)
    assert sum(rows.values_list("times", flat=True)) == 10
    assert rows.filter(Q(state="STARTED") | Q(skip_reason="PAUSED")).count() == rows.count()
    assert Task.objects.count() == rows.filter(state="STARTED").count()


def test_a_removal_during_a_firing(two: Racers) -> None:
    """In any order, no firing is left behind, and nobody fails."""
    for turn in range(12):
        schedule = make_schedule("*/10 * * * *", since=NOON, overlap="allow")
        task = schedule.periodic_task
        removals = [
            lambda schedule=schedule: editing.delete_schedule(
                workspace_id=schedule.workspace_id, schedule_id=schedule.id, actor=SYSTEM
            ),
            lambda task=task: task.delete(),  # beat's own page
        ]
        two.race(lambda: firing.fire_due(now=NOON + 10 * MINUTE), removals[turn % 2])
    assert not Schedule.objects.exists()
    assert not Firing.objects.exists()
    assert not PeriodicTask.objects.exists()


def test_a_trigger_of_a_removed_schedule_finds_nothing(two: Racers) -> None:
    schedule = make_schedule("*/10 * * * *", since=NOON)
    make = {"workspace_id": schedule.workspace_id, "schedule_id": schedule.id, "actor": SYSTEM}

    def trigger() -> str:
        try:
            triggering.trigger_schedule(**make)
        except NotFound:
            return "not found"
        return "fired"

    answer, _ = two.race(trigger, lambda: editing.delete_schedule(**make))
    assert Task.objects.count() == (1 if answer == "fired" else 0)


def test_queued_firings_start_one_at_a_time(two: Racers) -> None:
    schedule = make_schedule("*/10 * * * *", since=NOON, overlap="queue")
    for turn in range(1, 5):
        firing.fire_due(now=NOON + turn * 10 * MINUTE)
    done = {"state": "COMPLETED", "finished_at": NOON, "started_at": NOON, "attempt": 1}
    for left in (2, 1, 0):
        Task.objects.filter(state="PENDING").update(**done)
        counts = two.race(*[lambda: start_queued(now=NOON + HOUR)] * 2)
        assert sum(counts) == 1
        assert Firing.objects.filter(schedule=schedule, state="QUEUED").count() == left
    assert Task.objects.count() == 4


def test_the_unique_time_is_a_guard_of_its_own() -> None:
    """Times that are decided stay so, even if the schedule is considered again."""
    schedule = make_schedule("*/10 * * * *", since=NOON, overlap="allow")
    firing.fire_due(now=NOON + 10 * MINUTE)
    Schedule.objects.update(considered_until=NOON, next_at=NOON + 10 * MINUTE)
    firing.fire_due(now=NOON + 10 * MINUTE)
    assert history(schedule) == ["12:10 STARTED"]
    assert Task.objects.count() == 1
    assert reload(schedule).next_at == NOON + 20 * MINUTE
