"""The loop: decisions become workers, and every decision an event with its outcome."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from controlplane.core.clock import now
from controlplane.core.schema import represent
from scaling.autoscaler import Autoscaler
from scaling.models import Launch, Pool, ScalingEvent
from scaling.queries import get_pool
from scaling.queries.launches import get_pause
from scaling.queries.status import read_status
from scaling.resources import Status
from scaling.states import EventState, LaunchState
from scaling.strategies import find_difference
from tests.factories import make_launch, make_scaling_event
from tests.fleets.local import LocalFleet, add_node
from tests.integration.scaling.conftest import Loop, override

pytestmark = pytest.mark.django_db

Backlog = Callable[[int], None]
Settings = dict[str, Any]
Alerts = list[dict[str, Any]]


def grow_to(loop: Loop, backlog: Backlog, workers: int) -> list[str]:
    """Grow to this number of ready workers of the fleet; their keys."""
    backlog(60)
    while sum(1 for m in loop.fleet.members.values() if m.phase != "ended") < workers:
        loop.decide()
        loop.fleet.come_up()
        loop.look()
    backlog(0)
    return list(loop.fleet.members)


def test_one_worker_is_kept_without_any_work(loop: Loop) -> None:
    loop.decide()
    assert len(loop.fleet.members) == 1
    (event,) = loop.events()
    assert (event.from_workers, event.to_workers, event.state) == (0, 1, EventState.ACTING)
    assert "0 → 1 worker." in event.sentence
    loop.decide()
    assert len(loop.fleet.members) == 1, "what starts is counted"


def test_an_event_succeeds_when_its_workers_are_ready(loop: Loop, backlog: Backlog) -> None:
    loop.decide()
    loop.fleet.come_up()
    loop.look()
    (event,) = loop.events()
    assert event.state == EventState.SUCCEEDED
    assert event.finished_at is not None
    assert "1 worker was ready after" in event.outcome
    (launch,) = event.launches.all()
    assert launch.state == LaunchState.READY
    assert launch.node_id == loop.fleet.node(launch.key).id
    pool = get_pool()
    assert (pool.ready, pool.starting, pool.target) == (1, 0, 1)


def test_keys_that_are_known_late_are_found(loop: Loop) -> None:
    loop.fleet.names_late = True
    loop.decide()
    assert Launch.objects.get().key == ""
    loop.decide()
    assert Launch.objects.get().key == next(iter(loop.fleet.members))
    assert len(loop.fleet.members) == 1
    loop.fleet.come_up()
    loop.look()
    assert Launch.objects.get().state == LaunchState.READY


def test_shrinking_drains_then_stops_then_clears(loop: Loop, backlog: Backlog) -> None:
    grow_to(loop, backlog, 3)
    loop.decide()
    (event,) = loop.events(EventState.ACTING)
    (victim,) = event.victims
    assert victim["reason"] == "It was idle."
    assert loop.fleet.draining() == [victim["key"]]
    assert loop.fleet.fenced == [victim["key"]]
    assert loop.fleet.stopped == [], "it is not stopped before its hands were seen empty"
    loop.autoscaler._loop._tracker._empty_since[victim["key"]] = -10.0
    loop.look()
    assert loop.fleet.stopped == [victim["key"]]
    loop.fleet.end_the_stopped()
    loop.look()
    assert victim["key"] not in loop.fleet.members
    loop.look()
    event.refresh_from_db()
    assert event.state == EventState.SUCCEEDED
    assert "drained and stopped" in event.outcome
    assert event.interrupted_tasks == 0


def test_a_worker_that_holds_work_is_not_stopped(loop: Loop, backlog: Backlog) -> None:
    from tests.factories import make_task

    keys = grow_to(loop, backlog, 2)
    tasks = [make_task("RUNNING", node_id=loop.fleet.node(key).id) for key in keys]
    loop.decide()
    (victim,) = loop.events(EventState.ACTING)[0].victims
    assert "It was running 1 task" in victim["reason"]
    for _ in range(3):
        loop.look()
    assert loop.fleet.stopped == []
    held = next(t for t in tasks if t.node_id == victim["node"])
    held.delete()
    loop.look()
    loop.autoscaler._loop._tracker._empty_since[victim["key"]] = -10.0
    loop.look()
    assert loop.fleet.stopped == [victim["key"]]


def test_a_drain_that_takes_too_long_is_an_alert_and_not_a_kill(
    loop: Loop, backlog: Backlog, scaling: Settings, alerts: Alerts
) -> None:
    from tests.factories import make_task

    keys = grow_to(loop, backlog, 2)
    for key in keys:
        make_task("RUNNING", node_id=loop.fleet.node(key).id)
    loop.decide()
    event = loop.events(EventState.ACTING)[0]
    late = now() - timedelta(seconds=scaling["DRAIN_TIMEOUT_SECONDS"] + 1)
    ScalingEvent.objects.filter(id=event.id).update(at=late)
    loop.look()
    event.refresh_from_db()
    assert event.state == EventState.TIMED_OUT
    assert "Running tasks are not interrupted." in event.outcome
    assert loop.fleet.stopped == []
    loop.look()
    assert [alert["kind"] for alert in alerts] == ["scaling-timed-out"], "one alert"
    loop.fleet.end(event.victims[0]["key"])
    loop.look()
    loop.look()
    event.refresh_from_db()
    assert event.state == EventState.SUCCEEDED, "late, and it succeeded all the same"


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


def test_nodes_of_other_queues_do_not_count(loop: Loop) -> None:
    add_node("elsewhere", queues=["emails"])
    loop.decide()
    assert len(loop.fleet.members) == 1


def test_what_was_begun_goes_on_after_a_restart(loop: Loop, backlog: Backlog) -> None:
    loop.decide()
    loop.restart()
    loop.decide()
    assert len(loop.fleet.members) == 1, "the worker that starts is known from its launch"
    loop.fleet.come_up()
    loop.restart()
    loop.decide()
    assert loop.events()[0].state == EventState.SUCCEEDED


def test_what_starts_when_the_loop_ends_has_not_failed(loop: Loop) -> None:
    loop.decide()
    (key,) = loop.fleet.members
    loop.fleet.clear([key])  # as a fleet whose workers end with its loop
    loop.autoscaler.end()
    assert loop.fleet.closed
    launch = Launch.objects.get()
    assert launch.state == LaunchState.CANCELLED
    loop.restart()
    loop.decide()
    assert len(loop.fleet.members) == 1, "no pause after it"


def test_what_starts_and_goes_on_without_the_loop_is_still_awaited(loop: Loop) -> None:
    loop.decide()
    loop.autoscaler.end()
    assert Launch.objects.get().state == LaunchState.STARTING


def test_a_backend_that_is_away_at_the_end_keeps_nobody_from_leading(loop: Loop) -> None:
    loop.decide()
    loop.fleet.problem = "The engine does not answer."
    loop.autoscaler.end()
    other = Autoscaler(loop.fleet)
    loop.fleet.problem = ""
    other.run_pass()
    assert other._leads


def test_only_one_of_two_acts(loop: Loop) -> None:
    other = Autoscaler(loop.fleet)
    loop.decide()
    for _ in range(3):
        other.run_pass()
    assert len(loop.fleet.members) == 1
    assert ScalingEvent.objects.count() == 1


def test_a_backend_that_is_unreachable_raises_one_alert_and_nothing_is_decided(
    loop: Loop, backlog: Backlog, alerts: Alerts
) -> None:
    loop.fleet.problem = "The engine does not answer: start it."
    backlog(500)
    for _ in range(3):
        loop.decide()
    assert [alert["kind"] for alert in alerts] == ["fleet-unreachable"]
    assert get_pool().problem == "The engine does not answer: start it."
    assert {event.constraint for event in loop.events(EventState.UNCHANGED)} == {"fleet"}
    assert loop.events() == []
    loop.fleet.problem = ""
    loop.decide()
    assert get_pool().problem == ""
    assert len(loop.fleet.members) == 1


def test_a_backend_that_refuses_to_start_fails_the_event(
    loop: Loop, alerts: Alerts, monkeypatch: pytest.MonkeyPatch
) -> None:
    from scaling.fleet import FleetError

    def refuse(_self: LocalFleet, _count: int) -> list[str]:
        raise FleetError("The quota is used up.")

    monkeypatch.setattr(LocalFleet, "start", refuse)
    loop.decide()
    (event,) = loop.events()
    assert (event.state, event.outcome) == (EventState.FAILED, "The quota is used up.")
    assert [alert["kind"] for alert in alerts] == ["scaling-failed"]


def test_what_starts_is_cancelled_when_it_is_no_longer_needed(loop: Loop, backlog: Backlog) -> None:
    grow_to(loop, backlog, 1)
    backlog(60)
    loop.decide()
    backlog(0)
    loop.decide()
    loop.fleet.end_the_stopped()
    loop.look()
    loop.look()
    second = loop.events()[1]
    assert second.state == EventState.SUPERSEDED
    assert "1 worker was cancelled before becoming ready." in second.outcome
    assert loop.events()[2].victims[0]["reason"] == "It was not ready yet."
    assert len(loop.fleet.members) == 1


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


def test_switched_off_it_changes_nothing_but_follows_overrides(
    loop: Loop, backlog: Backlog, scaling: Settings
) -> None:
    scaling["ENABLED"] = False
    backlog(500)
    loop.decide()
    assert ScalingEvent.objects.count() == 0
    assert get_pool().target is None
    override(2)
    loop.run_pass()
    assert len(loop.fleet.members) == 2


def test_a_change_of_the_configuration_is_seen_at_once(loop: Loop) -> None:
    loop.decide()
    loop.fleet.come_up()
    Pool.objects.update(overrides={"min_workers": 3}, version=2)
    loop.run_pass()
    assert len(loop.fleet.members) == 3
    assert loop.events()[-1].config_version == 2


def test_with_an_invalid_configuration_nothing_changes(loop: Loop, scaling: Settings) -> None:
    loop.decide()
    Pool.objects.update(overrides={"min_workers": 30})
    loop.decide()
    held = loop.events(EventState.UNCHANGED)[-1]
    assert held.constraint == "config"
    assert "minWorkers" in held.sentence


def test_every_recorded_decision_replays_to_itself(loop: Loop, backlog: Backlog) -> None:
    for count in (0, 70, 500, 70, 5, 0, 0):
        backlog(count)
        loop.decide()
        loop.fleet.come_up()
    recorded = [event.inputs for event in ScalingEvent.objects.all()]
    assert len(recorded) == 7
    assert all(not find_difference(each) for each in recorded)


def test_a_recommendation_is_published_and_nothing_is_moved(loop: Loop, backlog: Backlog) -> None:
    loop.fleet.moves = False
    add_node("elsewhere")
    backlog(80)
    loop.decide()
    assert get_pool().target == 2
    assert loop.fleet.members == {}
    (event,) = loop.events()
    assert event.state == EventState.RECOMMENDED
