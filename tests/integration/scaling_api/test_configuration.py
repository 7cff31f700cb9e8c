"""GET and POST /auto-scaling/config."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from controlplane.workspaces.models import AuditEvent
from scaling.queries.pool import get_configuration
from tests.factories import set_pool

pytestmark = pytest.mark.django_db
PATH = "/auto-scaling/config"


@pytest.fixture(autouse=True)
def _environment(environment: Any) -> None:
    """The environment of these tests has its own limits."""


def post(client: APIClient, **body: Any) -> Any:
    return client.post(PATH, body, format="json")


def fields_of(answer: Any) -> dict[str, str]:
    assert answer.status_code == 422, answer.content
    return {error["field"]: error["message"] for error in answer.json()["errors"]}


def test_what_the_environment_says(client: APIClient) -> None:
    body = client.get(PATH).json()
    assert set(body["sources"].values()) == {"environment"}
    assert (body["minWorkers"], body["maxWorkers"], body["goal"]) == (1, 10, 0.95)
    assert (body["cooldownSeconds"], body["downCooldownSeconds"]) == (60.0, 120.0)
    assert (body["backend"], body["version"], body["changedBy"]) == ("process", 1, None)
    assert set(body["sources"]) == set(body) - {
        "backend", "version", "changedAt", "changedBy", "sources",
    }  # fmt: skip


def test_change_and_put_back(boss: APIClient) -> None:
    body = post(boss, maxWorkers=20, objectiveSeconds=30, useForecast=False).json()
    assert (body["maxWorkers"], body["objectiveSeconds"], body["useForecast"]) == (20, 30.0, False)
    assert body["version"] == 2
    assert body["changedBy"].startswith("a test (")
    assert body["changedAt"].endswith("Z")
    assert (body["sources"]["maxWorkers"], body["sources"]["goal"]) == ("changed", "environment")
    assert get_configuration().max_workers == 20
    body = post(boss, maxWorkers=None).json()
    assert (body["maxWorkers"], body["objectiveSeconds"], body["version"]) == (10, 30.0, 3)
    assert boss.get(PATH).json() == body


def test_the_audit_log_has_what_changed_and_nothing_else(boss: APIClient) -> None:
    post(boss, maxWorkers=20, objectiveSeconds=30)
    post(boss, maxWorkers=20, objectiveSeconds=None)
    first, second = AuditEvent.objects.filter(action="scaling.configure").order_by("id")
    assert first.detail["changes"] == {
        "maxWorkers": {"before": 10, "after": 20, "source": "changed"},
        "objectiveSeconds": {"before": 60.0, "after": 30.0, "source": "changed"},
    }
    assert second.detail == {
        "version": 3,
        "changes": {"objectiveSeconds": {"before": 30.0, "after": 60.0, "source": "environment"}},
    }


def test_what_changes_nothing_leaves_no_trace(boss: APIClient) -> None:
    post(boss, maxWorkers=20)
    assert post(boss, maxWorkers=20).json()["version"] == 2
    assert post(boss, goal=None).json()["version"] == 2
    assert AuditEvent.objects.filter(action="scaling.configure").count() == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"minWorkers": 11}, "minWorkers"),
        ({"maxWorkers": 0}, "maxWorkers"),
        ({"maxWorkers": 1001}, "maxWorkers"),
        ({"maxWorkers": "5"}, "maxWorkers"),
        ({"maxWorkers": 5.5}, "maxWorkers"),
        ({"scaleDownThreshold": 51}, "scaleDownThreshold"),
        ({"scaleUpThreshold": 0}, "scaleUpThreshold"),
        ({"goal": 0.4}, "goal"),
        ({"objectiveSeconds": 0}, "objectiveSeconds"),
        ({"cooldownSeconds": -1}, "cooldownSeconds"),
        ({"strategy": "magic"}, "strategy"),
        ({"enabled": 1}, "enabled"),
        ({"backend": "docker"}, "backend"),
        ({"workers": 3}, "workers"),
        ({}, ""),
    ],
)
def test_what_cannot_be_names_its_field(boss: APIClient, body: Any, field: str) -> None:
    assert list(fields_of(post(boss, **body))) == [field]
    assert boss.get(PATH).json()["version"] == 1
    assert not AuditEvent.objects.filter(action="scaling.configure").exists()


def test_together_they_must_fit(boss: APIClient) -> None:
    message = fields_of(post(boss, minWorkers=4, maxWorkers=3))["minWorkers"]
    assert message == "It must not be above maxWorkers, which is 3."
    assert post(boss, minWorkers=12, maxWorkers=15).status_code == 200


def test_an_environment_that_no_longer_fits_is_reported_and_can_be_repaired(
    boss: APIClient, environment: Any
) -> None:
    post(boss, minWorkers=8)
    environment(MAX_WORKERS=5)
    problem = boss.get(PATH)
    assert problem.status_code == 409
    detail = problem.json()["detail"]
    assert "minWorkers: It must not be above maxWorkers, which is 5." in detail
    assert '{"minWorkers": null}' in detail
    # Another change does not repair it; the error says which one does.
    assert "minWorkers" in fields_of(post(boss, goal=0.9))
    assert boss.get("/auto-scaling/status").json()["problem"] == detail
    assert post(boss, minWorkers=None).json()["minWorkers"] == 1
    assert boss.get("/auto-scaling/status").json()["problem"] is None


def test_a_value_of_an_older_release_is_ignored(boss: APIClient) -> None:
    set_pool(overrides={"colour": "blue", "goal": 0.9})
    body = boss.get(PATH).json()
    assert (body["goal"], "colour" in body["sources"]) == (0.9, False)
