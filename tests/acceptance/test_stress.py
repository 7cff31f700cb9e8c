"""Stress tests with a real worker and dispatcher."""

import json
import signal
import subprocess
import sys
from typing import Any

import pytest

from controlplane.core.clock import now
from controlplane.ops.stress.models import StressTest
from controlplane.ops.stress.states import ENDED
from tasks_app.models import Task
from tasks_app.states import TaskState
from tests.clients import key_client
from tests.engine import ROOT, Engine
from tests.standing import StandingEngine
from tests.terminals import hearing_ctrl_c

pytestmark = pytest.mark.django_db(transaction=True)

ENDS = sorted(ENDED)


def begin(**body: Any) -> str:
    answer = key_client("operator").post("/system/stress-tests", body)
    assert answer.status_code == 202, answer.content
    return str(answer.json()["id"])


def ended(engine: Engine, test_id: str, timeout: float = 120.0) -> dict[str, Any]:
    """The report of the test, once it has ended."""
    engine.wait(
        lambda: StressTest.objects.filter(id=test_id, state__in=ENDS).exists(),
        "the end of the stress test",
        timeout,
    )
    found: dict[str, Any] = key_client("viewer").get(f"/system/stress-tests/{test_id}").json()
    return found


def checks_of(found: dict[str, Any]) -> dict[str, Any]:
    return {check["name"]: check for check in found["report"]["checks"]}


@pytest.mark.nightly
def test_a_thousand_tasks_are_in_flight_at_once_on_one_worker(running: StandingEngine) -> None:
    test_id = begin(tasks=1_600, type="sleep", durationMs=8_000)
    found = ended(running, test_id)
    assert found["status"] == "DONE"
    assert found["verdict"] == "PASSED", found["report"]["checks"]
    figures = found["report"]["figures"]
    assert figures["completed"] == 1_600
    assert figures["peakInFlight"] >= 1_000
    assert figures["peakInFlight"] == found["progress"]["peakInFlight"]
    assert figures["runMs"]["p50"] >= 7_000
    assert found["report"]["environment"]["slots"] == 4
    assert found["report"]["scaling"]["workersAtPeak"] == 1


@pytest.mark.nightly
@pytest.mark.ci
def test_a_worker_and_a_dispatcher_that_are_killed_lose_nothing(engine: Engine) -> None:
    worker = engine.worker(concurrency=2)
    dispatcher = engine.dispatcher()
    test_id = begin(
        tasks=600,
        durationMs=300,
        failureRate=0.05,
        dependentShare=0.4,
        ratePerSecond=100,
        seed=11,
    )
    engine.wait(
        lambda: (
            Task.objects.filter(type="stress-sleep", state=TaskState.COMPLETED).count() > 60
            and Task.objects.filter(type="stress-sleep", state=TaskState.RUNNING).count() >= 5
        ),
        "work in the middle of the test",
    )
    worker.signal_tree(signal.SIGKILL)
    dispatcher.signal_tree(signal.SIGKILL)
    killed_at = now()
    engine.dispatcher()
    engine.worker(concurrency=2)
    found = ended(engine, test_id)
    checks = checks_of(found)
    assert found["verdict"] == "PASSED", checks
    assert checks["accounted"]["found"] == 600
    assert (checks["lost"]["found"], checks["duplicated"]["found"]) == (0, 0)
    figures = found["report"]["figures"]
    assert figures["dependencies"] > 200
    assert checks["order"]["expected"] == f"{figures['dependencies']} kept"
    assert figures["failed"] == checks["failures"]["expected"] > 0
    assert figures["cancelled"] == checks["cancellations"]["expected"] > 0
    assert figures["lostAttempts"] >= 1
    assert StressTest.objects.get(id=test_id).finished_at > killed_at


def test_a_flaky_test_with_failures_that_come_right_at_the_retry(running: StandingEngine) -> None:
    found = ended(running, begin(tasks=200, type="flaky", durationMs=10, failureRate=0.3, seed=3))
    figures = found["report"]["figures"]
    assert found["verdict"] == "PASSED", checks_of(found)
    assert (figures["completed"], figures["failed"]) == (200, 0)
    assert figures["failedAttempts"] == figures["attempts"] - 200 > 0


@pytest.mark.nightly
def test_cpu_tasks_with_a_stop_in_the_middle(running: StandingEngine) -> None:
    test_id = begin(tasks=400, type="cpu", durationMs=500, dependentShare=0.2)
    running.wait(
        lambda: (
            Task.objects.filter(type="stress-cpu", state=TaskState.COMPLETED).exists()
            and Task.objects.filter(type="stress-cpu").count() == 400
        ),
        "the first ends",
    )
    answer = key_client("operator").delete(f"/system/stress-tests/{test_id}")
    assert (answer.status_code, answer.json()["status"]) == (202, "STOPPING")
    found = ended(running, test_id)
    assert (found["status"], found["verdict"]) == ("STOPPED", "PASSED"), checks_of(found)
    assert found["reason"].startswith("Stopped by ")
    figures = found["report"]["figures"]
    assert 0 < figures["completed"] < 400
    assert figures["completed"] + figures["cancelled"] == 400


@pytest.mark.nightly
@pytest.mark.ci
def test_without_a_worker_it_fails_and_says_why(engine: Engine) -> None:
    engine.dispatcher(STRESS_QUIET_SECONDS="2")
    found = ended(engine, begin(tasks=20, durationMs=1))
    assert (found["status"], found["verdict"]) == ("FAILED", "FAILED")
    assert "no live worker serves the queue stress" in found["reason"]
    checks = checks_of(found)
    assert not checks["carriedOut"]["passed"]
    assert checks["lost"]["passed"]
    assert not Task.objects.exclude(state=TaskState.CANCELLED).exists()


def run_command(engine: Engine, *arguments: str) -> subprocess.Popen[str]:
    with hearing_ctrl_c():
        return subprocess.Popen(
            [sys.executable, str(ROOT / "manage.py"), "stress", "run", *arguments],
            env=engine.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


def test_the_command_watches_and_concludes(running: StandingEngine) -> None:
    run = run_command(
        running,
        "--tasks=120",
        "--duration-ms=20",
        "--failure-rate=0.1",
        "--dependent-share=0.3",
    )
    out, err = run.communicate(timeout=90)
    assert run.returncode == 0, err
    assert "Passed: all 7 checks hold for 120 tasks." in out


@pytest.mark.nightly
def test_ctrl_c_stops_the_test_of_a_command(running: StandingEngine) -> None:
    run = run_command(running, "--tasks=300", "--rate=10", "--duration-ms=10", "--json")
    running.wait(lambda: Task.objects.count() > 5, "tasks of the test")
    run.send_signal(signal.SIGINT)
    out, err = run.communicate(timeout=60)
    assert run.returncode == 0, err
    found = json.loads(out)
    assert (found["status"], found["verdict"]) == ("STOPPED", "PASSED")
    assert 5 < found["submitted"] < 300
