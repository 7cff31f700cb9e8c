"""GET /health/scaling-events and /auto-scaling/status."""

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from controlplane.core.clock import now, utc_z
from tests.factories import make_decision, make_launch, make_leader, make_scaling_event, set_pool
from tests.integration.test_schema_of_answers import find_problems

pytestmark = pytest.mark.django_db
PATH = "/health/scaling-events"


def ids(client: APIClient, **query: Any) -> list[str]:
    answer = client.get(f"{PATH}?{urlencode(query)}")
    assert answer.status_code == 200, answer.content
    return [event["id"] for event in answer.json()["data"]]


def test_an_event_with_its_launches_and_victims(client: APIClient) -> None:
    victim = {"node": 7, "name": "worker-7", "reason": "idle for 96 s"}
    event = make_scaling_event(
        inputs=make_decision(),
        constraint="max",
        victims=[victim],
        outcome="5 workers after 2 s.",
        interrupted_tasks=1,
    )
    make_launch(event, node_id=9)
    make_launch(event, key="", state="FAILED", problem="No such image.")
    (found,) = client.get(PATH).json()["data"]
    assert list(found)[:6] == ["id", "at", "trigger", "backend", "strategy", "rule"]
    assert (found["from"], found["recommended"], found["to"]) == (2, 5, 5)
    assert found["constraint"] == "max"
    assert (found["durationMs"], found["interruptedTasks"]) == (2000, 1)
    assert found["victims"] == [victim]
    ready, failed = found["launches"]
    assert (ready["startMs"], ready["nodeId"], ready["problem"]) == (1500, 9, None)
    assert (failed["startMs"], failed["state"]) == (None, "FAILED")
    assert failed["problem"] == "No such image."
    assert "inputs" not in found
    one = client.get(f"{PATH}/{event.id}").json()
    assert one.pop("inputs")["demand"]["waiting"] == 200
    assert one == found
    assert client.get(f"{PATH}/{uuid4()}").status_code == 404


def test_filters(client: APIClient) -> None:
    succeeded = str(make_scaling_event(ago=300).id)
    unchanged = str(make_scaling_event("UNCHANGED", ago=200).id)
    person = str(make_scaling_event("WAITING", ago=100, trigger="person", rule="manual").id)
    assert ids(client) == [person, succeeded]
    assert ids(client, unchanged="true") == [person, unchanged, succeeded]
    assert ids(client, state="UNCHANGED") == [unchanged]
    assert ids(client, state="unchanged,SUCCEEDED") == [unchanged, succeeded]
    assert ids(client, trigger="person") == ids(client, rule="manual") == [person]
    assert ids(client, rule="wait,manual") == [person, succeeded]
    middle = utc_z(now() - timedelta(seconds=150))
    assert ids(client, since=middle) == [person]
    assert ids(client, since="0001-01-01T00:00:00Z") == ids(client)
    assert ids(client, until="9999-12-31T23:59:59Z") == ids(client)
    assert ids(client, until=middle) == [succeeded]
    assert ids(client, sort="at") == [succeeded, person]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("state=DONE", "state"),
        ("trigger=robot", "trigger"),
        ("rule=%00", "rule"),
        ("since=yesterday", "since"),
        ("unchanged=perhaps", "unchanged"),
        ("colour=blue", "colour"),
        ("sort=recommended", "sort"),
    ],
)
def test_wrong_filters_are_named(client: APIClient, query: str, field: str) -> None:
    answer = client.get(f"{PATH}?{query}")
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


def test_pages_and_a_fixed_number_of_queries(client: APIClient) -> None:
    made = [make_scaling_event() for _ in range(5)]
    for event in made:
        make_launch(event)
    first = client.get(f"{PATH}?limit=2").json()
    second = client.get(f"{PATH}?limit=2&cursor={first['nextCursor']}").json()
    assert first["total"] == 5
    newest = [str(event.id) for event in reversed(made)]
    assert [e["id"] for e in (*first["data"], *second["data"])] == newest[:4]
    with CaptureQueriesContext(
        connection,
    ) as few:
        client.get(f"{PATH}?limit=1")
    with CaptureQueriesContext(connection) as many:
        client.get(f"{PATH}?limit=4")
    assert len(many) == len(few)


def test_status(client: APIClient, environment: Any) -> None:
    body = client.get("/auto-scaling/status").json()
    assert (body["backend"], body["enabled"], body["isRunning"]) == ("process", True, False)
    assert (body["lastSeen"], body["target"], body["newestEvent"]) == (None, None, None)
    assert body["startupSeconds"] is None
    make_leader()
    make_scaling_event("UNCHANGED")
    event = make_scaling_event()
    for seconds in (1, 2, 3, 4, 5):
        make_launch(asked_at=now() - timedelta(seconds=seconds))
    set_pool(backend="process", target=5, ready=3, starting=2, draining=1, problem="Out of quota.")
    body = client.get("/auto-scaling/status").json()
    assert (body["isRunning"], body["target"]) == (True, 5)
    assert (body["ready"], body["starting"], body["draining"]) == (3, 2, 1)
    assert body["lastSeen"].endswith("Z")
    assert body["problem"] == "Out of quota."
    assert body["newestEvent"]["id"] == str(event.id)
    assert body["startupSeconds"] == pytest.approx(5, abs=0.5)
    make_leader(seconds=-60)
    assert client.get("/auto-scaling/status").json()["isRunning"] is False


def test_the_answers_hold_against_the_schema(
    client: APIClient, environment: Any, schema: dict[str, Any]
) -> None:
    assert find_problems(schema, "/auto-scaling/status", "/auto-scaling/status") == []
    event = make_scaling_event(
        inputs=make_decision(), victims=[{"node": 1, "name": "a", "reason": "b"}]
    )
    make_launch(event)
    make_scaling_event("WAITING", trigger="person", rule="manual", strategy="", actor_kind="user")
    set_pool(manual_workers=3, manual_by="ada", decided_at=now(), target=3)
    for template, path in [
        ("/auto-scaling/status", "/auto-scaling/status"),
        ("/auto-scaling/config", "/auto-scaling/config"),
        ("/auto-scaling/metric", "/auto-scaling/metric"),
        (PATH, PATH),
        (f"{PATH}/{{id}}", f"{PATH}/{event.id}"),
    ]:
        assert find_problems(schema, template, path) == [], path
