"""The loop: decisions become workers, and every decision an event with its outcome."""

from datetime import timedelta

import pytest

from controlplane.core.clock import now
from scaling.autoscaler import Autoscaler
from scaling.models import Launch, Pool, ScalingEvent
from scaling.queries import get_pool
from scaling.states import EventState, LaunchState
from scaling.strategies import find_difference
from tests.fleets.local import LocalFleet, add_node
from tests.integration.scaling.conftest import Alerts, Backlog, Loop, Settings, grow_to, override

pytestmark = pytest.mark.django_db


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
