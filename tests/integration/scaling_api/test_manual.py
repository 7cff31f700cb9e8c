"""POST /auto-scaling/scale and /auto-scaling/release."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils.dateparse import parse_datetime
from rest_framework.test import APIClient

from controlplane.core.clock import now
from controlplane.workspaces.models import AuditEvent
from scaling.models import Pool, ScalingEvent
from tests.clients import default_workspace, key_client
from tests.factories import make_leader, make_scaling_event, set_pool

pytestmark = pytest.mark.django_db
SCALE, RELEASE, STATUS = "/auto-scaling/scale", "/auto-scaling/release", "/auto-scaling/status"


@pytest.fixture(autouse=True)
def _loop(environment: Any) -> None:
    """A loop leads, and sees three workers."""
    make_leader()
    set_pool(ready=2, starting=1, backend="docker")


def override(client: APIClient, workers: Any = 5, reason: Any = "a sale", **more: Any) -> Any:
    headers = more.pop("headers", {})
    body = {"workers": workers, "reason": reason, **more}
    return client.post(SCALE, body, format="json", headers=headers)


def test_an_override(client: APIClient) -> None:
    answer = override(client)
    assert answer.status_code == 202
    body = answer.json()
    assert (body["from"], body["recommended"], body["to"]) == (3, 5, 5)
    assert body["state"] == "WAITING"
    assert (body["trigger"], body["rule"], body["backend"]) == ("person", "manual", "docker")
    by = body["actor"]["label"]
    assert by.startswith("a test (")
    assert body["actor"]["kind"] == "key"
    assert body["sentence"] == f"3 → 5 workers, set by {by}: a sale."
    assert (body["inputs"], body["finishedAt"], body["durationMs"]) == (
        {"reason": "a sale"}, None, None,
    )  # fmt: skip
    event = ScalingEvent.objects.get()
    assert (str(event.id), event.workspace_id) == (body["id"], default_workspace().id)
    manual = client.get(STATUS).json()["manual"]
    assert (manual["workers"], manual["by"]) == (5, by)
    until = parse_datetime(manual["until"])
    assert until is not None
    assert timedelta(seconds=290) < until - now() < timedelta(seconds=301)
    audit = AuditEvent.objects.get(action="scaling.scale")
    assert audit.detail == {
        "from": 3, "to": 5, "reason": "a sale", "holdSeconds": 300, "event": body["id"],
    }  # fmt: skip


def test_until_it_is_released(client: APIClient, environment: Any) -> None:
    override(client, holdSeconds=None)
    assert client.get(STATUS).json()["manual"]["until"] is None
    environment(ENABLED=False)
    override(client, holdSeconds=10)
    assert client.get(STATUS).json()["manual"]["until"] is None


def test_the_newest_override_counts(client: APIClient) -> None:
    first = override(client, 5).json()["id"]
    second = override(client, 4).json()["id"]
    found = {e["id"]: e for e in client.get("/health/scaling-events").json()["data"]}
    assert (found[first]["state"], found[second]["state"]) == ("SUPERSEDED", "WAITING")
    assert found[first]["outcome"] == "A newer override replaced it before it took effect."
    assert found[first]["finishedAt"] is not None


def test_what_is_under_way_is_left_to_the_loop(client: APIClient) -> None:
    acting = make_scaling_event("ACTING")
    override(client)
    acting.refresh_from_db()
    assert acting.state == "ACTING"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"workers": 11}, "workers"),
        ({"workers": 0}, "workers"),
        ({"workers": -1}, "workers"),
        ({"workers": True}, "workers"),
        ({"reason": ""}, "reason"),
        ({"reason": "  "}, "reason"),
        ({"reason": None}, "reason"),
        ({"reason": "a" * 2_001}, "reason"),
        ({"holdSeconds": 0}, "holdSeconds"),
        ({"holdSeconds": 604_801}, "holdSeconds"),
        ({"hold": 3}, "hold"),
    ],
)
def test_what_cannot_be_names_its_field(client: APIClient, change: Any, field: str) -> None:
    answer = override(client, **change)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert not ScalingEvent.objects.exists()
    assert Pool.objects.get().manual_workers is None


@pytest.mark.parametrize("seconds", [None, -60])
def test_without_a_loop_nothing_is_promised(client: APIClient, seconds: float | None) -> None:
    leader = make_leader(seconds=seconds or 0)
    if seconds is None:
        leader.delete()
    answer = override(client)
    assert answer.status_code == 409
    assert "manage.py autoscale" in answer.json()["detail"]
    assert not ScalingEvent.objects.exists()


def test_while_the_configuration_contradicts_itself(client: APIClient) -> None:
    set_pool(overrides={"min_workers": 20})
    answer = override(client)
    assert answer.status_code == 409
    assert "minWorkers" in answer.json()["detail"]


def test_once_under_one_key(client: APIClient) -> None:
    key = {"Idempotency-Key": "sale"}
    first = override(client, headers=key)
    again = override(client, headers=key)
    assert (first.status_code, again.status_code) == (202, 200)
    assert first.json()["id"] == again.json()["id"]
    assert override(client, idempotencyKey="sale").status_code == 200
    assert ScalingEvent.objects.count() == 1
    assert AuditEvent.objects.filter(action="scaling.scale").count() == 1
    assert override(client, 4, headers=key).status_code == 409
    refused = override(client, 99, headers={"Idempotency-Key": "new"})
    assert refused.status_code == 422
    # What was refused used up no key.
    assert override(client, 4, headers={"Idempotency-Key": "new"}).status_code == 202


def test_release(client: APIClient) -> None:
    waiting = override(client).json()
    body = client.post(RELEASE).json()
    assert body["manual"] is None
    assert ScalingEvent.objects.get(id=waiting["id"]).state == "SUPERSEDED"
    audit = AuditEvent.objects.get(action="scaling.release")
    assert audit.detail == {"workers": 5, "by": waiting["actor"]["label"]}
    assert client.post(RELEASE).status_code == 200
    assert AuditEvent.objects.filter(action="scaling.release").count() == 1


def test_an_override_that_expired_holds_no_more(client: APIClient) -> None:
    set_pool(manual_workers=5, manual_until=now() - timedelta(seconds=1), manual_by="ada")
    assert client.get(STATUS).json()["manual"] is None
    assert client.post(RELEASE).status_code == 200
    assert not AuditEvent.objects.filter(action="scaling.release").exists()


def test_a_viewer_sets_nothing() -> None:
    assert override(key_client("viewer")).status_code == 403
