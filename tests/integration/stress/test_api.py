"""POST, GET and DELETE /system/stress-tests, and the comparison."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from controlplane.ops.stress.models import StressTest
from tasks_app.models import Task
from tests.clients import key_client, other_workspace
from tests.factories import make_node, make_stress_test, make_task
from tests.stress_driver import drive_to, end_tasks

pytestmark = pytest.mark.django_db
TESTS = "/system/stress-tests"


@pytest.fixture
def operator(db: None) -> APIClient:
    return key_client("operator", name="op")


@pytest.fixture
def viewer(db: None) -> APIClient:
    return key_client("viewer")


def finished(**asked: Any) -> StressTest:
    """A test that has ended."""
    test = drive_to(make_stress_test(asked.pop("tasks", 20), **asked), "SETTLING")
    end_tasks(test)
    return drive_to(test, "DONE")


def test_it_begins_with_defaults(operator: APIClient) -> None:
    answer = operator.post(TESTS, {"tasks": 20})
    assert answer.status_code == 202, answer.content
    found = answer.json()
    seed = found["parameters"].pop("seed")
    assert seed == StressTest.objects.get(id=found["id"]).seed
    assert found["parameters"] == {
        "tasks": 20,
        "type": "sleep",
        "durationMs": 100.0,
        "failureRate": 0.0,
        "dependentShare": 0.0,
        "shape": "mixed",
        "ratePerSecond": None,
    }
    assert (found["status"], found["verdict"], found["report"]) == ("PREPARING", None, None)
    assert (found["name"], found["queue"]) == ("20 tasks, sleep", "stress")
    assert found["progress"]["percent"] == 0
    assert found["createdBy"].startswith("op")


def test_its_whole_course_over_http(operator: APIClient, viewer: APIClient) -> None:
    body = {"tasks": 60, "type": "noop", "failureRate": 0.2, "dependentShare": 0.4, "seed": 5}
    test_id = operator.post(f"{TESTS}/", {**body, "name": "my test"}).json()["id"]
    test = drive_to(StressTest.objects.get(id=test_id), "SETTLING")
    found = viewer.get(f"{TESTS}/{test_id}").json()
    assert (found["status"], found["progress"]["submitted"]) == ("SETTLING", 60)
    assert found["progress"]["waiting"] == 60
    assert found["environment"]["database"].startswith("PostgreSQL ")
    assert viewer.get("/tasks", {"tag": found["tag"]}).json()["total"] == 60
    end_tasks(test)
    drive_to(test, "DONE")
    found = viewer.get(f"{TESTS}/{test_id}/").json()
    assert (found["status"], found["verdict"]) == ("DONE", "PASSED")
    progress = found["progress"]
    assert progress["percent"] == 100
    assert {k: progress[k] for k in ("completed", "failed", "cancelled")} == progress["expected"]
    assert found["parameters"]["durationMs"] == 0
    report = found["report"]
    assert report["reportVersion"] == 1
    assert [check["name"] for check in report["checks"]] == [
        "accounted",
        "lost",
        "duplicated",
        "attempts",
        "order",
        "failures",
        "cancellations",
    ]
    assert set(report["figures"]["waitMs"]) == {"p50", "p95", "p99", "max"}
    assert set(report["series"][0]) == {
        "at", "submitted", "ended", "waiting", "running", "workers"
    }  # fmt: skip
    assert report["scaling"]["events"] == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "tasks"),
        ({"tasks": 0}, "tasks"),
        ({"tasks": 100_001}, "tasks"),
        ({"tasks": "many"}, "tasks"),
        ({"tasks": 5, "type": "bomb"}, "type"),
        ({"tasks": 5, "durationMs": -1}, "durationMs"),
        ({"tasks": 5, "durationMs": 60_001}, "durationMs"),
        ({"tasks": 5, "failureRate": 1.1}, "failureRate"),
        ({"tasks": 5, "dependentShare": 0.9}, "dependentShare"),
        ({"tasks": 5, "ratePerSecond": 0}, "ratePerSecond"),
        ({"tasks": 5, "ratePerSecond": 20_000}, "ratePerSecond"),
        ({"tasks": 100_000, "ratePerSecond": 0.5}, "ratePerSecond"),
        ({"tasks": 100_000, "durationMs": 60_000}, "durationMs"),
        ({"tasks": 10_000, "type": "cpu", "durationMs": 10_000}, "durationMs"),
        ({"tasks": 5, "shape": "ring"}, "shape"),
        ({"tasks": 5, "name": "a" * 201}, "name"),
        ({"tasks": 5, "seed": -1}, "seed"),
        ({"tasks": 5, "speed": 1}, "speed"),
        ({"tasks": 5, "idempotencyKey": ""}, "idempotencyKey"),
    ],
)
def test_what_cannot_be_is_refused(operator: APIClient, body: dict[str, Any], field: str) -> None:
    answer = operator.post(TESTS, body)
    assert answer.status_code == 422, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert not StressTest.objects.exists()


def test_one_at_a_time_in_a_workspace(operator: APIClient) -> None:
    first = operator.post(TESTS, {"tasks": 5}).json()["id"]
    answer = operator.post(TESTS, {"tasks": 5})
    assert answer.status_code == 409
    assert f"DELETE /system/stress-tests/{first}" in answer.json()["detail"]
    theirs = key_client("operator", workspace=other_workspace())
    assert theirs.post(TESTS, {"tasks": 5}).status_code == 202


def test_a_queue_in_use_is_refused(operator: APIClient) -> None:
    make_task(queue="stress")
    answer = operator.post(TESTS, {"tasks": 5})
    assert answer.status_code == 409
    assert "holds 1 unfinished tasks" in answer.json()["detail"]


def test_the_same_key_gives_the_first_test_again(operator: APIClient) -> None:
    headers = {"Idempotency-Key": "once"}
    first = operator.post(TESTS, {"tasks": 5}, headers=headers)
    again = operator.post(TESTS, {"tasks": 5, "idempotencyKey": "once"})
    assert first.status_code == 202
    assert (again.status_code, again.json()["id"]) == (200, first.json()["id"])
    assert operator.post(TESTS, {"tasks": 6}, headers=headers).status_code == 409
    assert StressTest.objects.count() == 1


def test_production_wants_a_confirmation(operator: APIClient, settings: Any) -> None:
    settings.TASKPLANE_STRESS = {**settings.TASKPLANE_STRESS, "MUST_CONFIRM": True}
    for wrong in ({}, {"confirm": "yes"}):
        answer = operator.post(TESTS, {"tasks": 5, **wrong})
        assert answer.status_code == 422
        (error,) = answer.json()["errors"]
        assert error["field"] == "confirm"
        assert '"confirm": "default"' in error["message"]
    for confirm in ("default", "stress"):
        answer = operator.post(TESTS, {"tasks": 5, "confirm": confirm})
        assert answer.status_code == 202
        operator.delete(f"{TESTS}/{answer.json()['id']}")
        drive_to(StressTest.objects.get(id=answer.json()["id"]), "STOPPED")


def test_the_list_and_its_filter(viewer: APIClient) -> None:
    done = finished()
    running = make_stress_test(5)
    found = viewer.get(TESTS).json()
    assert [each["id"] for each in found["data"]] == [str(running.id), str(done.id)]
    assert "report" not in found["data"][0]
    found = viewer.get(TESTS, {"status": "done,STOPPED"}).json()
    assert [each["verdict"] for each in found["data"]] == ["PASSED"]
    assert viewer.get(TESTS, {"status": "ASLEEP"}).status_code == 422
    assert viewer.get(TESTS, {"color": "red"}).status_code == 422


def test_stopping_twice_is_refused(operator: APIClient) -> None:
    test_id = operator.post(TESTS, {"tasks": 5}).json()["id"]
    assert operator.delete(f"{TESTS}/{test_id}").status_code == 202
    assert operator.delete(f"{TESTS}/{test_id}").status_code == 409
    test = drive_to(StressTest.objects.get(id=test_id), "STOPPED")
    answer = operator.delete(f"{TESTS}/{test.id}")
    assert (answer.status_code, "it is STOPPED" in answer.json()["detail"]) == (409, True)
    assert Task.objects.count() == 0


def test_two_tests_side_by_side(viewer: APIClient) -> None:
    make_node()
    one, other = finished(tasks=20, seed=1), finished(tasks=30, failure_rate=0.1, seed=2)
    found = viewer.get(f"{TESTS}/{one.id}/compare", {"with": str(other.id)}).json()
    assert [each["id"] for each in found["tests"]] == [str(one.id), str(other.id)]
    figures = {figure["name"]: figure for figure in found["figures"]}
    complete = figures["completePerSecond"]
    assert complete["ratio"] == pytest.approx(complete["value"] / complete["other"], abs=0.001)
    assert figures["lostAttempts"] == {
        "name": "lostAttempts",
        "value": 0.0,
        "other": 0.0,
        "ratio": None,
        "change": "alike",
    }
    assert found["warnings"] == [
        "seed differs: 1 and 2.",
        "tasks differs: 20 and 30.",
        "failureRate differs: 0.0 and 0.1.",
    ]
    assert (figures["submitPerSecond"]["change"]) in ("better", "worse", "alike")
    alike = viewer.get(f"{TESTS}/{one.id}/compare", {"with": str(one.id)}).json()
    assert alike["warnings"] == []
    assert {figure["change"] for figure in alike["figures"]} <= {"alike", "unknown"}


def test_a_comparison_needs_two_reports(viewer: APIClient) -> None:
    done, running = finished(), make_stress_test(5)
    path = f"{TESTS}/{done.id}/compare"
    assert viewer.get(path).status_code == 422
    assert viewer.get(path, {"with": "x"}).status_code == 422
    assert viewer.get(path, {"with": str(running.id), "color": "red"}).status_code == 422
    answer = viewer.get(path, {"with": str(running.id)})
    assert (answer.status_code, "has no report yet" in answer.json()["detail"]) == (409, True)
    gone = "018f6f2e-0000-7000-8000-000000000000"
    assert viewer.get(path, {"with": gone}).status_code == 404
