"""`manage.py scaling`."""

from datetime import timedelta
from typing import Any

import pytest

from controlplane.core.clock import now
from controlplane.workspaces.models import AuditEvent
from scaling.models import ScalingEvent
from scaling.queries import get_configuration
from scaling.strategies import find_difference
from tests.factories import make_decision, make_launch, make_leader, make_scaling_event, set_pool
from tests.integration.commands.running import run

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _environment(settings: Any) -> None:
    settings.TASKPLANE_SCALING = {
        **settings.TASKPLANE_SCALING, "MIN_WORKERS": 1, "MAX_WORKERS": 10, "BACKEND": "process",
    }  # fmt: skip


def test_status() -> None:
    shown = run("scaling", "status").out
    assert "Target none; 0 ready, 0 starting, 0 draining (process)." in shown
    assert "the loop has never run" in shown
    make_leader()
    set_pool(
        target=5, ready=3, starting=2, manual_workers=5, manual_by="ada", problem="Out of quota."
    )
    make_scaling_event()
    assert "A worker is ready after" not in shown
    make_launch()
    assert "A worker is ready after 1.5 s (p95 of 1 start)." in run("scaling", "status").out
    make_launch()
    shown = run("scaling", "status").out
    assert "A worker is ready after 1.5 s (p95 of 2 starts)." in shown
    assert "Next launch" not in shown
    make_launch(state="FAILED", problem="It ended with exit code 2.")
    shown = run("scaling", "status").out
    assert "Z. The last launch failed. It ended with exit code 2." in shown
    assert "Auto-scaling is on; the loop runs." in shown
    assert "By hand: 5 workers, until it is released, ordered by ada." in shown
    assert "Problem: Out of quota." in shown
    assert "SUCCEEDED: 2 → 5 workers. 200 waiting." in shown
    assert run("scaling", "status", "--json").json["target"] == 5
    make_leader(seconds=-60)
    assert "the loop does not run, last pass 20" in run("scaling", "status").out


def test_events() -> None:
    assert "No event matches." in run("scaling", "events").out
    old = make_scaling_event("TIMED_OUT", ago=7_200)
    new = make_scaling_event()
    held = make_scaling_event("UNCHANGED")

    def ids(*options: str) -> list[str]:
        return [event["id"] for event in run("scaling", "events", "--json", *options).json]

    assert ids() == [str(new.id), str(old.id)]
    assert ids("--since", "1h") == [str(new.id)]
    assert ids("--unchanged", "--limit=1") == [str(held.id)]
    assert ids("--state=timed_out,unchanged") == [str(held.id), str(old.id)]
    assert "2 → 5" in run("scaling", "events").out
    assert run("scaling", "events", "--state=DONE").code == 2
    assert run("scaling", "events", "--limit=0").code == 2


def test_one_event() -> None:
    event = make_scaling_event(
        inputs=make_decision(),
        outcome="5 workers are ready.",
        victims=[{"node": 7, "name": "worker-7", "reason": "idle"}],
    )
    make_launch(event)
    make_launch(event, state="FAILED", problem="No such image.")
    shown = run("scaling", "event", str(event.id)).out
    assert "decided by predictive (rule wait)." in shown
    assert "5 workers are ready. (2.0 s)" in shown
    assert "scaled in: worker-7 (node 7): idle" in shown
    assert "launch w-1: READY after 1.5 s" in shown
    assert "FAILED: No such image." in shown
    assert "workers: a wait of" in shown
    shown = run("scaling", "event", str(event.id), "--json").json
    assert shown["inputs"]["demand"]["waiting"] == 200
    assert run("scaling", "event", "00000000-0000-7000-8000-00000000ffff").code == 3


def test_config() -> None:
    assert "maxWorkers" in run("scaling", "config").out
    ran = run("scaling", "config", "set", "maxWorkers=20", "strategy=threshold", "enabled=false")
    assert ran.code == 0
    assert get_configuration().max_workers == 20
    shown = run("scaling", "config", "--json").json
    assert (shown["strategy"], shown["enabled"], shown["sources"]["strategy"]) == (
        "threshold", False, "changed",
    )  # fmt: skip
    assert "at the command line" in AuditEvent.objects.get(action="scaling.configure").actor_label
    assert run("scaling", "config", "reset", "maxWorkers", "enabled").code == 0
    assert (get_configuration().max_workers, get_configuration().enabled) == (10, True)
    ran = run("scaling", "config", "set", "minWorkers=11")
    assert (ran.code, "minWorkers" in ran.err) == (1, True)
    assert run("scaling", "config", "set", "maxWorkers=many").code == 1


def test_a_configuration_that_contradicts_itself_is_shown_and_repaired() -> None:
    set_pool(overrides={"min_workers": 11})
    ran = run("scaling", "config")
    assert (ran.code, "minWorkers" in ran.err, "11" in ran.out) == (1, True, True)
    assert run("scaling", "config", "reset", "minWorkers").code == 0


def test_set_and_release() -> None:
    ran = run("scaling", "set", "4", "--reason", "a sale")
    assert (ran.code, "manage.py autoscale" in ran.err) == (1, True)
    make_leader()
    ran = run("scaling", "set", "4", "--reason", "a sale", "--hold", "1h")
    event = ScalingEvent.objects.get()
    assert event.sentence in ran.out
    assert str(event.id) in ran.out
    until = set_pool(ready=0).manual_until
    assert until is not None
    assert timedelta(minutes=59) < until - now() <= timedelta(hours=1)
    shown = run("scaling", "set", "5", "--reason", "more", "--until-released", "--json").json
    assert (shown["to"], shown["state"]) == (5, "WAITING")
    assert set_pool(ready=0).manual_until is None
    assert run("scaling", "set", "99", "--reason", "too many").code == 1
    assert "By hand" not in run("scaling", "release").out
    assert AuditEvent.objects.filter(action="scaling.release").count() == 1


def test_decisions_replay_to_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scaling.queries.events._CHUNK", 2)
    for waiting in (0, 5, 50, 500):
        make_scaling_event("UNCHANGED", inputs=make_decision(waiting))
    make_scaling_event(trigger="person", inputs={"instead": make_decision(7)})
    make_scaling_event(trigger="person", inputs={"reason": "a sale"})
    make_scaling_event("UNCHANGED", ago=90_000, inputs={"outcome": {}})
    ran = run("scaling", "replay")
    assert (ran.code, ran.out) == (0, "5 of 5 recorded decisions have the same result.\n")
    found = run("scaling", "replay", "--since", "2d", "--json")
    assert found.code == 1


def test_a_difference_is_printed() -> None:
    record = make_decision(500)
    record["outcome"]["desired"] += 1
    event = make_scaling_event(inputs=record)
    unknown = make_scaling_event(inputs={**make_decision(), "strategy": "of-old"})
    ran = run("scaling", "replay")
    assert ran.code == 1
    assert "0 of 2 recorded decisions" in ran.out
    wanted = record["outcome"]["desired"]
    assert f"{event.id}: desired: desired was {wanted} and is {wanted - 1}." in ran.out
    assert f"{unknown.id}: It cannot be replayed: KeyError" in ran.out
    assert find_difference(make_decision()) == ""
