"""Which workers are terminated: starting, then idle, then the first that will be free."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from controlplane.core.clock import now
from scaling.actions import choose_victims, remaining
from scaling.fleet import Member, Phase
from scaling.fleet_snapshot import Worker
from scaling.strategies import RunTimes
from tests.factories import make_node

# Most tasks take a second or two; one in a hundred takes ten minutes.
RUN_TIMES = RunTimes.of([1.0, 2.0] * 495 + [600.0] * 10)
AT = now()


def worker(name: str, *, state: str = "ACTIVE", phase: Phase = Phase.RUNNING) -> Worker:
    node = make_node(name, host=name, state=state, heartbeat_at=now())
    return Worker(Member(name, phase, host=name), node, None)


def picks(workers: Sequence[Worker], count: int, held: dict[Worker, Sequence[float]]) -> list[str]:
    """Names of the chosen; `held` gives the ages of the running tasks."""
    since: dict[int, list[datetime]] = {
        each.node.id: [AT - timedelta(seconds=age) for age in ages]
        for each, ages in held.items()
        if each.node is not None
    }
    chosen = choose_victims(workers, count, held=since, run_times=RUN_TIMES, at=AT)
    return [victim.worker.member.key for victim in chosen if victim.worker.member is not None]


@pytest.mark.django_db
def test_the_order_of_those_that_go() -> None:
    coming = Worker(Member("coming", Phase.STARTING, host="coming", started_at=AT), None, None)
    idle, young, old = worker("idle"), worker("young"), worker("old")
    workers = [old, young, idle, coming]
    held = {young: [0.5], old: [300.0]}
    assert picks(workers, 4, held) == ["coming", "idle", "young", "old"]
    assert picks(workers, 2, held) == ["coming", "idle"]
    assert picks(workers, 0, held) == []


@pytest.mark.django_db
def test_the_longest_task_of_a_worker_decides() -> None:
    mixed, short = worker("mixed"), worker("short")
    assert picks([mixed, short], 1, {mixed: [0.1, 0.2, 400.0], short: [1.5] * 5}) == ["short"]


@pytest.mark.django_db
def test_those_that_leave_or_belong_to_others_are_not_chosen() -> None:
    leaving = worker("leaving", state="DRAINING")
    stopping = worker("stopping", phase=Phase.STOPPING)
    foreign = Worker(None, make_node("foreign", heartbeat_at=now()), None)
    assert picks([leaving, stopping, foreign], 3, {}) == []


@pytest.mark.django_db
def test_of_two_idle_workers_the_newer_goes() -> None:
    older, newer = worker("older"), worker("newer")
    assert older.node is not None
    older.node.started_at = now() - timedelta(hours=1)
    assert picks([older, newer], 1, {}) == ["newer"]


@pytest.mark.parametrize(("younger", "older"), [(0.1, 5.0), (5.0, 60.0), (60.0, 3_600.0)])
def test_what_has_run_for_longer_is_expected_to_last_longer(younger: float, older: float) -> None:
    assert remaining(RUN_TIMES, younger) < remaining(RUN_TIMES, older)


def test_what_is_left_is_about_right_where_much_is_known() -> None:
    thousand = RunTimes.of([10.0] * 1_000)
    # Half a bin to either side, and two tasks of doubt.
    assert 5.0 < remaining(thousand, 1.0) < 60.0
