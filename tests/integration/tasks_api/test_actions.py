"""POST /tasks/actions."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from controlplane.core.ids import uuid7
from controlplane.workspaces.models import AuditEvent, Workspace
from tasks_app.models import Task
from tasks_app.queries import lists
from tasks_app.services import actions
from tests.factories import make_attempt, make_log, make_task

pytestmark = pytest.mark.django_db


def act(client: APIClient, **body: Any) -> dict[str, Any]:
    answer = client.post("/tasks/actions", body)
    assert answer.status_code == 200, answer.content
    found: dict[str, Any] = answer.json()
    return found


def states() -> dict[str, str]:
    return dict(Task.objects.values_list("name", "state"))


@pytest.fixture
def one_of_each(workspace: Workspace) -> dict[str, Task]:
    names = ["PENDING", "SCHEDULED", "BLOCKED", "RETRYING", "RUNNING", "COMPLETED", "FAILED"]
    return {state: make_task(state, name=state) for state in [*names, "CANCELLED"]}


def test_cancel_by_filter(client: APIClient, one_of_each: dict[str, Task]) -> None:
    found = act(client, action="cancel", filter={"type": "noop"})
    assert found == {"matched": 5, "changed": 5, "dryRun": False, "hasMore": False}
    after = states()
    assert {after[s] for s in ("PENDING", "SCHEDULED", "BLOCKED", "RETRYING")} == {"CANCELLED"}
    assert (after["RUNNING"], after["COMPLETED"]) == ("RUNNING", "COMPLETED")
    assert Task.objects.get(name="RUNNING").cancel_requested_at is not None


def test_a_dry_run_changes_nothing(client: APIClient, one_of_each: dict[str, Task]) -> None:
    found = act(client, action="cancel", filter={"type": ["noop"]}, dryRun=True)
    assert found == {"matched": 5, "changed": 0, "dryRun": True, "hasMore": False}
    assert all(name == state for name, state in states().items())
    assert not AuditEvent.objects.filter(action__startswith="task.").exists()


def test_a_filters_retry_leaves_completed_tasks_alone(
    client: APIClient, one_of_each: dict[str, Task]
) -> None:
    assert act(client, action="retry", filter={"type": "noop"})["changed"] == 2
    assert states()["COMPLETED"] == "COMPLETED"
    assert act(client, action="retry", filter={"status": "COMPLETED"})["changed"] == 1


def test_ids(client: APIClient, one_of_each: dict[str, Task]) -> None:
    ids = [str(one_of_each["COMPLETED"].id), str(one_of_each["PENDING"].id), str(uuid7())]
    assert act(client, action="retry", ids=ids * 2) == {
        "matched": 1,
        "changed": 1,
        "dryRun": False,
        "hasMore": False,
    }


def test_reprioritize(client: APIClient, one_of_each: dict[str, Task]) -> None:
    found = act(client, action="reprioritize", filter={"type": "noop"}, priority=9)
    assert found["changed"] == 4
    assert set(Task.objects.filter(priority=9).values_list("state", flat=True)) == {
        "PENDING",
        "SCHEDULED",
        "BLOCKED",
        "RETRYING",
    }
    assert act(client, action="reprioritize", filter={"type": "noop"}, priority=9)["changed"] == 0


def test_delete_takes_ended_tasks_with_their_history(
    client: APIClient, one_of_each: dict[str, Task]
) -> None:
    make_attempt(one_of_each["FAILED"])
    make_log(one_of_each["FAILED"], "x")
    assert act(client, action="delete", filter={"type": "noop"})["changed"] == 3
    assert set(states()) == {"PENDING", "SCHEDULED", "BLOCKED", "RETRYING", "RUNNING"}


def test_everything_must_be_confirmed(client: APIClient, one_of_each: dict[str, Task]) -> None:
    answer = client.post("/tasks/actions", {"action": "delete", "filter": {}})
    assert answer.status_code == 422
    assert '"all": true' in answer.json()["errors"][0]["message"]
    assert len(states()) == 8
    assert act(client, action="delete", filter={}, all=True)["changed"] == 3


def test_filters_of_all_kinds(client: APIClient) -> None:
    make_task(name="a", payload={"n": 5}, tags=["t"], queue="mail", priority=3)
    make_task(name="b", payload={"n": "5"})
    for condition, expected in [
        ({"payload.n": 5}, ["a"]),
        ({"payload.n": "5"}, ["b"]),
        ({"payload.n": [5, "5"]}, ["a", "b"]),
        ({"tag": "t"}, ["a"]),
        ({"queue": ["mail"]}, ["a"]),
        ({"minPriority": 3}, ["a"]),
        ({"search": "b"}, ["b"]),
        ({"createdAfter": "2020-01-01T00:00:00Z"}, ["a", "b"]),
    ]:
        found = act(client, action="cancel", filter=condition, dryRun=True)
        assert found["matched"] == len(expected), condition


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "action"),
        ({"action": "explode", "ids": [str(uuid7())]}, "action"),
        ({"action": "cancel"}, "ids"),
        ({"action": "cancel", "ids": []}, "ids"),
        ({"action": "cancel", "ids": ["x"]}, "ids[0]"),
        ({"action": "cancel", "ids": [str(uuid7())], "filter": {"type": "x"}}, "ids"),
        ({"action": "cancel", "filter": {"colour": "red"}}, "filter.colour"),
        ({"action": "cancel", "filter": {"status": ["NOPE"]}}, "filter.status"),
        ({"action": "cancel", "filter": {"status": 5}}, "filter.status"),
        ({"action": "cancel", "filter": {"type": []}}, "filter.type"),
        ({"action": "cancel", "filter": {"minPriority": "x"}}, "filter.minPriority"),
        ({"action": "cancel", "filter": []}, "filter"),
        ({"action": "cancel", "filter": {"type": "x"}, "all": "yes"}, "all"),
        ({"action": "cancel", "filter": {"type": "x"}, "dryRun": 1}, "dryRun"),
        ({"action": "cancel", "filter": {"type": "x"}, "priority": 1}, "priority"),
        ({"action": "reprioritize", "filter": {"type": "x"}}, "priority"),
        ({"action": "reprioritize", "filter": {"type": "x"}, "priority": 101}, "priority"),
        ({"action": "cancel", "filter": {"type": "x"}, "more": 1}, "more"),
    ],
)
def test_what_is_wrong_is_named(client: APIClient, body: Any, field: str) -> None:
    answer = client.post("/tasks/actions", body)
    assert answer.status_code == 422, answer.content
    assert field in [error["field"] for error in answer.json()["errors"]]


def test_many_go_in_batches_up_to_the_limit(
    client: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists, "_CHUNK", 4)
    monkeypatch.setattr(actions, "MAX_PER_CALL", 10)
    for n in range(13):
        make_task(name=str(n))
    first = act(client, action="cancel", filter={"type": "noop"})
    assert (first["matched"], first["changed"], first["hasMore"]) == (10, 10, True)
    assert AuditEvent.objects.filter(action="task.cancel").count() == 3
    rest = act(client, action="cancel", filter={"type": "noop"})
    assert (rest["matched"], rest["hasMore"]) == (3, False)


def test_only_the_own_workspace(client: APIClient, other: Workspace) -> None:
    theirs = make_task(workspace=other)
    assert act(client, action="cancel", ids=[str(theirs.id)])["matched"] == 0
    assert act(client, action="cancel", filter={}, all=True)["matched"] == 0
    theirs.refresh_from_db()
    assert theirs.state == "PENDING"
