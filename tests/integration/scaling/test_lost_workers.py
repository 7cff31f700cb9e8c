"""Workers that do not start, that end, and that others run."""

import time
from datetime import timedelta

import pytest

from controlplane.core.clock import now
from controlplane.core.schema import represent
from scaling.models import Launch, Pool
from scaling.queries.launches import get_pause
from scaling.queries.status import read_status
from scaling.resources import Status
from scaling.states import EventState, LaunchState
from tests.factories import make_launch, make_scaling_event
from tests.fleets.local import add_node
from tests.integration.scaling.conftest import Alerts, Backlog, Loop, Settings, grow_to, override

pytestmark = pytest.mark.django_db


def test_a_worker_that_does_not_become_ready_fails_with_an_alert_and_a_pause(
    loop: Loop, scaling: Settings, alerts: Alerts
) -> None:
    loop.decide()
    (key,) = loop.fleet.members
    late = now() - timedelta(seconds=scaling["START_TIMEOUT_SECONDS"] + 1)
    Launch.objects.update(asked_at=late)
    loop.decide()
    assert loop.fleet.stopped == [key]
    loop.decide()
    launch = Launch.objects.get()
    assert launch.state == LaunchState.FAILED
    assert "not ready within" in launch.problem
    (event,) = loop.events()
    assert event.state == EventState.TIMED_OUT
    assert "scaling-timed-out" in [alert["kind"] for alert in alerts]
    held = loop.events(EventState.UNCHANGED)[-1]
    assert held.to_workers == 1
    assert held.outcome.endswith("UTC. The last launch failed. It was not ready within 300 s.")
    Launch.objects.update(ended_at=now() - timedelta(minutes=10))
    loop.fleet.end_the_stopped()
    loop.decide()
    assert Launch.objects.count() == 2, "after its rest it tries again"


def test_a_worker_that_ends_while_it_starts_has_failed(loop: Loop) -> None:
    loop.decide()
    (key,) = loop.fleet.members
    loop.fleet.end(key, "exit status 2: no such queue")
    loop.look()
    launch = Launch.objects.get()
    assert launch.state == LaunchState.FAILED
    assert "exit status 2" in launch.problem
    assert loop.fleet.members == {}


KILLED = "It was killed by signal 9 (SIGKILL); it had run for 1.2 s."


def test_one_killed_worker_of_several_is_replaced_at_once(loop: Loop) -> None:
    override(3)
    loop.decide()
    killed, *others = loop.fleet.members
    loop.fleet.end(killed, KILLED)
    loop.fleet.come_up(*others)
    loop.look()
    assert get_pause("local") is None
    assert loop.autoscaler._loop._decide_due <= time.monotonic(), "it decides at once"
    (event,) = loop.events()
    assert event.state == EventState.TIMED_OUT
    assert f"{killed} failed: {KILLED} A replacement is launched at once" in event.outcome
    loop.decide()
    assert len(loop.fleet.members) == 3


def test_a_failed_launch_starts_no_cooldown_and_its_pause_is_shown(
    loop: Loop, backlog: Backlog
) -> None:
    """Quick tasks, so that only the threshold asks for a second worker."""
    (first,) = grow_to(loop, backlog, 1)
    backlog(60)
    Pool.objects.update(memory={})
    loop.decide()
    (second,) = set(loop.fleet.members) - {first}
    loop.fleet.end(second, KILLED)
    loop.decide()
    pause = get_pause("local")
    assert pause is not None
    assert (pause.failures, pause.problem) == (1, KILLED)
    assert (pause.until - now()).total_seconds() <= 5
    due = loop.autoscaler._loop._decide_due - time.monotonic()
    assert due <= 5, "the next decision is when the pause is over"
    shown = represent(Status, read_status(), None)["nextLaunch"]
    assert (shown["failures"], shown["reason"]) == (
        1,
        f"The last launch failed. {KILLED}",
    )
    held = loop.events(EventState.UNCHANGED)[-1]
    assert "Delayed until" in held.outcome
    missed = loop.events(EventState.TIMED_OUT)[-1]
    assert "The next launch is at" in missed.outcome

    Launch.objects.filter(state="FAILED").update(ended_at=now() - timedelta(seconds=6))
    loop.decide()
    assert len(loop.fleet.members) == 2, "no cooldown of a minute after what never came"
    assert represent(Status, read_status(), None)["nextLaunch"] is None


def test_ten_that_fail_together_are_one_failure(loop: Loop) -> None:
    for ago, state in ((30, "READY"), (20, "FAILED"), (10, "FAILED")):
        event = make_scaling_event(ago=ago)
        for _ in range(10):
            ended = now() - timedelta(seconds=ago)
            make_launch(event, backend="local", state=state, ended_at=ended, problem=KILLED)
    pause = get_pause("local")
    assert pause is not None
    assert pause.failures == 2
    assert (pause.until - now()).total_seconds() == pytest.approx(0, abs=1)
    make_launch(make_scaling_event(), backend="local", state="STARTING", ended_at=None)
    assert get_pause("local") == pause, "what starts has not failed"


def test_the_pause_is_bounded(loop: Loop) -> None:
    for _ in range(30):
        make_launch(make_scaling_event(), backend="local", state="FAILED", problem=KILLED)
    pause = get_pause("local")
    assert pause is not None
    assert (pause.until - now()).total_seconds() == pytest.approx(300, abs=2)
    assert pause.reason == f"The last 30 launches in a row failed. {KILLED}"


def test_the_node_of_a_killed_worker_says_what_the_back_end_saw(
    loop: Loop, backlog: Backlog
) -> None:
    (key,) = grow_to(loop, backlog, 1)
    loop.fleet.crash(key, KILLED)
    loop.decide()
    assert loop.fleet.node(key).end_reason == KILLED


def test_a_worker_that_died_is_replaced(loop: Loop, backlog: Backlog) -> None:
    (key,) = grow_to(loop, backlog, 1)
    loop.fleet.end(key)
    loop.decide()
    assert key not in loop.fleet.members
    assert len(loop.fleet.members) == 1


def test_a_worker_that_was_killed_is_replaced_before_it_is_found_lost(
    loop: Loop, backlog: Backlog
) -> None:
    (key,) = grow_to(loop, backlog, 1)
    loop.fleet.crash(key)
    loop.decide()
    loop.decide()
    assert key not in loop.fleet.members
    assert len(loop.fleet.members) == 1, "its node is still ACTIVE, and counts no more"
    assert loop.fleet.node(key).state == "ACTIVE"


def test_workers_that_nothing_here_can_stop_are_counted_and_kept(
    loop: Loop, backlog: Backlog
) -> None:
    for number in range(3):
        add_node(f"elsewhere-{number}")
    loop.decide()
    assert loop.fleet.members == {}
    assert loop.events() == []
    held = loop.events(EventState.UNCHANGED)[0]
    assert (held.from_workers, held.to_workers) == (3, 3)
