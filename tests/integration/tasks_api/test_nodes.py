"""Nodes over HTTP: who sees what of them, and who may drain one."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from rest_framework.test import APIClient

from controlplane.core.clock import now, utc_z
from controlplane.core.ids import uuid7
from controlplane.workspaces.models import AuditEvent, Workspace
from tests.clients import key_client
from tests.factories import make_node, make_sample, make_task

pytestmark = pytest.mark.django_db


def slot(pid: int, task_id: UUID | None) -> dict[str, Any]:
    return {
        "slot": pid,
        "running": 1 if task_id else 0,
        "taskId": str(task_id) if task_id else None,
        "startedAt": utc_z(now()) if task_id else None,
    }


def test_list(viewer: APIClient) -> None:
    node = make_node("a", running=2, processed=7, failed=1, cpu_percent=50, memory_bytes=1024)
    make_node("ended", state="STOPPED", stopped_at=now() - timedelta(minutes=59))
    make_node("forgotten", state="LOST", stopped_at=now() - timedelta(minutes=61))
    found = viewer.get("/system/nodes").json()
    assert [each["name"] for each in found["data"]] == ["ended", "a"]
    shown = found["data"][1]
    assert (shown["id"], shown["status"], shown["queues"]) == (node.id, "ACTIVE", ["*"])
    assert (shown["running"], shown["processed"], shown["failed"]) == (2, 7, 1)
    assert (shown["cpu"], shown["memory"]) == (50, 1024)
    assert "slots" not in shown
    assert shown["endReason"] is None


def test_list_by_status_and_page(viewer: APIClient) -> None:
    make_node("gone", state="LOST", stopped_at=now() - timedelta(days=3))
    make_node("a")
    make_node("b", state="DRAINING")
    for status, names in {
        "LOST": ["gone"],
        "ACTIVE,DRAINING": ["b", "a"],
        "STARTING": [],
    }.items():
        found = viewer.get("/system/nodes", {"status": status}).json()["data"]
        assert [each["name"] for each in found] == names
    for name, names in {"a": ["a"], "gone": ["gone"], "other": []}.items():
        found = viewer.get("/system/nodes", {"name": name}).json()["data"]
        assert [each["name"] for each in found] == names
    first = viewer.get("/system/nodes", {"limit": 1}).json()
    second = viewer.get("/system/nodes", {"limit": 1, "cursor": first["nextCursor"]}).json()
    assert [first["data"][0]["name"], second["data"][0]["name"]] == ["b", "a"]


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/system/nodes?status=ASLEEP", "status"),
        ("/system/nodes?color=red", "color"),
        ("/system/nodes?sort=name", "sort"),
        ("/system/nodes/{id}/samples?since=yesterday", "since"),
        ("/system/nodes/{id}/samples?until=2026-01-01T00:00:00Z", "until"),
    ],
)
def test_wrong_parameters(viewer: APIClient, path: str, field: str) -> None:
    answer = viewer.get(path.format(id=make_node().id))
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == field


@pytest.mark.parametrize("number", [0, 2**31 - 1, 2**31, 10**40])
@pytest.mark.parametrize("path", ["", "/samples", "/drain"])
def test_no_such_node(operator: APIClient, number: int, path: str) -> None:
    method = operator.post if path == "/drain" else operator.get
    assert method(f"/system/nodes/{number}{path}").status_code == 404


def test_a_slot_with_another_workspaces_task_shows_only_that_it_is_busy(
    viewer: APIClient, other: Workspace, stranger: APIClient
) -> None:
    mine = make_task("RUNNING")
    theirs = make_task("RUNNING", workspace=other, type="secret-type")
    node = make_node(slots=[slot(11, mine.id), slot(12, theirs.id), slot(13, None)], running=2)
    make_sample(node)
    answer = viewer.get(f"/system/nodes/{node.id}")
    found = answer.json()
    shown = [(each["taskId"], each["type"], each["running"]) for each in found["slots"]]
    assert shown == [(str(mine.id), "noop", 1), (None, None, 1), (None, None, 0)]
    assert found["slots"][1]["startedAt"]
    assert [each["memory"] for each in found["samples"]] == [1 << 28]
    assert str(theirs.id) not in answer.content.decode()
    assert b"secret" not in answer.content
    seen = stranger.get(f"/system/nodes/{node.id}").json()["slots"]
    assert [each["type"] for each in seen] == [None, "secret-type", None]


def test_a_task_that_is_gone_is_not_shown(viewer: APIClient) -> None:
    node = make_node(slots=[slot(11, uuid7())])
    assert viewer.get(f"/system/nodes/{node.id}").json()["slots"][0]["taskId"] is None


def test_samples(viewer: APIClient) -> None:
    node, another = make_node("a"), make_node("b")
    make_sample(another)
    for minutes in (30, 20, 10):
        make_sample(node, ago=timedelta(minutes=minutes), processed=minutes)
    path = f"/system/nodes/{node.id}/samples"
    assert [each["processed"] for each in viewer.get(path).json()["data"]] == [10, 20, 30]
    since = utc_z(now() - timedelta(minutes=25))
    found = viewer.get(path, {"since": since, "limit": 1}).json()
    assert [each["processed"] for each in found["data"]] == [10]
    found = viewer.get(path, {"since": since, "cursor": found["nextCursor"]}).json()
    assert [each["processed"] for each in found["data"]] == [20]


def test_drain(operator: APIClient, workspace: Workspace) -> None:
    node = make_node()
    found = operator.post(f"/system/nodes/{node.id}/drain")
    assert (found.status_code, found.json()["status"]) == (200, "DRAINING")
    assert found.json()["drainRequestedAt"]
    assert operator.post(f"/system/nodes/{node.id}/drain").status_code == 200
    event = AuditEvent.objects.get(action="node.drain")  # once, though asked twice
    assert (event.workspace_id, event.target_id) == (workspace.id, str(node.id))
    assert event.actor_label == operator.api_key.name or event.actor_id


@pytest.mark.parametrize("state", ["STOPPED", "LOST"])
def test_a_node_that_has_ended_is_not_drained(operator: APIClient, state: str) -> None:
    node = make_node(state=state, stopped_at=now())
    answer = operator.post(f"/system/nodes/{node.id}/drain")
    assert answer.status_code == 409
    assert state in answer.json()["detail"]
    assert not AuditEvent.objects.filter(action="node.drain").exists()


def test_draining_needs_an_operator(viewer: APIClient) -> None:
    node = make_node()
    narrow = key_client("operator", scopes=["tasks:write"], name="narrow")
    wide = key_client("operator", scopes=["system:write"], name="wide")
    for client in (viewer, narrow):
        assert client.post(f"/system/nodes/{node.id}/drain").status_code == 403
        node.refresh_from_db()
        assert node.state == "ACTIVE"
    assert APIClient().get("/system/nodes").status_code == 401
    assert wide.post(f"/system/nodes/{node.id}/drain").status_code == 200
