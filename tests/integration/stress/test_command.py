"""`manage.py stress`; its whole course is in tests/acceptance/test_stress.py."""

from typing import Any

import pytest

from controlplane.ops.stress.management.commands import stress
from controlplane.ops.stress.models import StressTest
from tests.clients import other_workspace
from tests.factories import make_stress_test
from tests.integration.commands.running import run
from tests.stress_driver import drive_to, end_tasks

pytestmark = pytest.mark.django_db
NOBODY = "018f6f2e-0000-7000-8000-000000000000"


def finished(**asked: Any) -> StressTest:
    test = drive_to(make_stress_test(30, **asked), "SETTLING")
    end_tasks(test)
    return drive_to(test, "DONE")


def test_run_goes_on_without_a_command_that_waited_in_vain() -> None:
    ran = run("stress", "run", "--tasks=25", "--type=noop", "--name=mine", "--wait-timeout=0")
    test = StressTest.objects.get()
    assert (ran.code, f"manage.py stress show {test.id}" in ran.err) == (4, True)
    assert (test.tasks, test.type, test.name, test.state) == (25, "noop", "mine", "PREPARING")
    assert test.created_by.endswith("at the command line")
    again = run("stress", "run", "--tasks=25")
    assert (again.code, "has not ended" in again.err) == (1, True)


def test_wrong_values_are_named() -> None:
    ran = run("stress", "run", "--tasks=0", "--dependent-share=1")
    assert ran.code == 1
    assert "tasks: A whole number from 1 to 1000000" in ran.err
    assert "dependentShare: A number from 0 to 0.8" in ran.err


def test_production_needs_yes(settings: Any) -> None:
    settings.TASKPLANE_STRESS = {**settings.TASKPLANE_STRESS, "MUST_CONFIRM": True}
    ran = run("stress", "run", "--tasks=5", "--wait-timeout=0")
    assert (ran.code, "This is production" in ran.err) == (1, True)
    assert run("stress", "run", "--tasks=5", "--wait-timeout=0", "--yes").code == 4


def test_list_and_show() -> None:
    assert "There is no stress test yet" in run("stress", "list").out
    test = finished(failure_rate=0.2, dependent_share=0.3, name="a [bold]test", seed=3)
    make_stress_test(5, workspace=other_workspace())
    listed = run("stress", "list")
    assert str(test.id) in listed.out
    assert "a [bold]test" in listed.out
    assert [each["id"] for each in run("stress", "list", "--json").json] == [str(test.id)]
    assert run("stress", "list", "--status=STOPPED", "--json").json == []
    assert run("stress", "list", "--limit=0").code == 2
    shown = run("stress", "show", str(test.id)).out
    assert "Passed: all 7 checks hold for 30 tasks." in shown
    for word in ("accounted", "duplicated", "completePerSecond", "scaling events", "seed 3"):
        assert word in shown
    assert run("stress", "show", str(test.id), "--json").json["verdict"] == "PASSED"
    assert run("stress", "show", NOBODY).code == 3


def test_stop() -> None:
    test = make_stress_test(5)
    assert "STOPPING" in run("stress", "stop", str(test.id)).out
    ran = run("stress", "stop", str(test.id))
    assert (ran.code, "is ending or has ended" in ran.err) == (1, True)


def test_compare() -> None:
    one, other = finished(), finished(failure_rate=0.5)
    ran = run("stress", "compare", str(one.id), str(other.id))
    assert "waitMs.p95" in ran.out
    assert "Not the same: failureRate differs: 0.0 and 0.5." in ran.out
    found = run("stress", "compare", str(one.id), str(other.id), "--json").json
    assert [each["id"] for each in found["tests"]] == [str(one.id), str(other.id)]
    running = make_stress_test(5)
    ran = run("stress", "compare", str(one.id), str(running.id))
    assert (ran.code, "has no report yet" in ran.err) == (1, True)


def test_run_says_when_no_dispatcher_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stress, "_STARTS_WITHIN_SECONDS", 0.0)
    ran = run("stress", "run", "--tasks=5", "--wait-timeout=1.2")
    assert ran.code == 4
    assert ran.err.count("No dispatcher has started the test yet") == 1
