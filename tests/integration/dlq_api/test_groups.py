"""GET and PATCH /dlq/groups."""

from datetime import timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from controlplane.core.clock import now, utc_z
from controlplane.workspaces.models import AuditEvent, Workspace
from dlq.grouping import GroupUpkeep
from dlq.models import DeadLetter, GroupNote, LetterGroup
from dlq.recording import fold_letter_counts
from tests.clients import staff_user
from tests.factories import make_error, make_letter

pytestmark = pytest.mark.django_db


def change(client: APIClient, letter: DeadLetter, body: Any, **headers: Any) -> Any:
    path = f"/dlq/groups/{letter.fingerprint}"
    return client.patch(path, body, headers=headers)


def test_a_group_with_everything(viewer: APIClient) -> None:
    first = make_letter(make_error("order 1 is stuck"), payload={"order": 1, "region": "eu"})
    last = make_letter(make_error("order 2 is stuck"), payload={"order": 2, "region": "eu"})
    body = viewer.get(f"/dlq/groups/{first.fingerprint}").json()
    assert body["error"] == {"class": "ValueError", "message": "order # is stuck"}
    assert (body["state"], body["owner"], body["version"]) == ("OPEN", None, 0)
    assert (body["count"], body["deaths"], body["letterId"]) == (2, 2, str(last.id))
    assert (body["firstVersion"], body["regressedVersions"]) == (first.worker_version, [])
    assert (len(body["trend"]), sum(body["trend"]), body["trendIsPartial"]) == (20, 2, False)
    (field,) = body["differences"]
    assert (field["path"], field["distinct"], field["missing"]) == ("order", 2, 0)
    assert field["values"] == [["1", 1], ["2", 1]]
    assert (body["notes"], body["changedBefore"]) == ([], [])


def test_a_decision(viewer: APIClient, operator: APIClient) -> None:
    staff_user("operator", name="bob")
    letter = make_letter()
    wanted = {
        "state": "ACKNOWLEDGED",
        "owner": "bob",
        "ticket": "https://tickets.example/OPS-1",
        "note": "The gateway team knows.",
    }
    answer = change(operator, letter, wanted)
    assert answer.status_code == 200, answer.content
    body = answer.json()
    assert {name: body[name] for name in ("state", "owner", "ticket")} == {
        name: wanted[name] for name in ("state", "owner", "ticket")
    }
    assert (body["stateBy"].partition(" ")[0], body["version"]) == ("op", 1)
    assert [note["text"] for note in body["notes"]] == [wanted["note"]]
    body = change(operator, letter, {"owner": None, "ticket": None}).json()
    assert (body["owner"], body["ticket"], body["state"]) == (None, None, "ACKNOWLEDGED")
    until = utc_z(now() + timedelta(hours=1))
    body = change(operator, letter, {"state": "MUTED", "mutedUntil": until}).json()
    assert (body["state"], body["mutedUntil"]) == ("MUTED", until)
    assert AuditEvent.objects.filter(target_type="failure-group").count() == 3
    assert viewer.get("/dlq/groups", {"state": "MUTED"}).json()["total"] == 1


def test_who_was_first(operator: APIClient) -> None:
    letter = make_letter()
    assert change(operator, letter, {"state": "ACKNOWLEDGED"}, If_Match='"0"').status_code == 200
    for answer in (
        change(operator, letter, {"state": "OPEN"}, If_Match="0"),
        change(operator, letter, {"state": "OPEN", "version": 0}),
    ):
        assert answer.status_code == 409
        assert ") acknowledged it at" in answer.json()["detail"]
    assert change(operator, letter, {"state": "OPEN"}, If_Match="x").status_code == 422
    assert change(operator, letter, {"state": "OPEN"}, If_Match="1").status_code == 200


def test_what_has_no_work_left_is_not_reopened(operator: APIClient) -> None:
    letter = make_letter()
    operator.post(f"/dlq/tasks/{letter.id}/discard", {"reason": "x"})
    fold_letter_counts()
    GroupUpkeep().run()
    for body in ({"state": "OPEN"}, {"state": "ACKNOWLEDGED"}, {"state": "MUTED", "mutedAbove": 3}):
        answer = change(operator, letter, body)
        assert answer.status_code == 409
        assert "it reopens by itself with the next death" in answer.json()["detail"]
    assert change(operator, letter, {"state": "RESOLVED", "note": "sent"}).status_code == 200


def test_a_note_is_written_once_for_a_key(operator: APIClient) -> None:
    letter = make_letter()
    for _ in range(2):
        answer = change(operator, letter, {"note": "once"}, Idempotency_Key="k")
        assert answer.status_code == 200
    assert GroupNote.objects.count() == 1
    assert change(operator, letter, {"note": "x"}, Idempotency_Key="k").status_code == 409


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, ""),
        ({"state": "REGRESSED"}, "state"),
        ({"state": "MUTED"}, "mutedUntil"),
        ({"mutedAbove": 3}, "mutedUntil"),
        ({"state": "MUTED", "mutedAbove": 0}, "mutedAbove"),
        ({"owner": "nobody-here"}, "owner"),
        ({"ticket": "javascript:alert(1)"}, "ticket"),
        ({"note": "a\x00"}, "note"),
        ({"bogus": 1}, "bogus"),
    ],
)
def test_what_is_refused(operator: APIClient, body: dict[str, Any], field: str) -> None:
    answer = change(operator, make_letter(), body)
    assert answer.status_code in (400, 422)
    if "errors" in answer.json():
        assert field in [error["field"] for error in answer.json()["errors"]]
    assert LetterGroup.objects.get().version == 0


def test_roles_and_workspaces(viewer: APIClient, stranger: APIClient, operator: APIClient) -> None:
    letter = make_letter()
    assert change(viewer, letter, {"state": "ACKNOWLEDGED"}).status_code == 403
    assert change(stranger, letter, {"state": "ACKNOWLEDGED"}).status_code == 404
    assert stranger.get(f"/dlq/groups/{letter.fingerprint}").status_code == 404
    assert viewer.get("/dlq/groups/0000000000000000").status_code == 404
    make_letter(type="test-raise")
    assert viewer.get(f"/dlq/groups/{letter.fingerprint}").status_code == 409
    path = f"/dlq/groups/{letter.fingerprint}?type=test-raise"
    assert viewer.get(path).json()["type"] == "test-raise"
    assert operator.patch(path, {"state": "ACKNOWLEDGED"}).json()["state"] == "ACKNOWLEDGED"
    assert change(operator, letter, {"state": "OPEN"}).status_code == 409


def test_lists(viewer: APIClient, operator: APIClient, other: Workspace) -> None:
    many = [make_letter(make_error("order 1 is stuck")) for _ in range(3)]
    one = make_letter(make_error(name="OSError", category="NETWORK"), type="test-raise")
    make_letter(workspace=other)
    for _ in range(2):
        rows = viewer.get("/dlq/groups").json()["data"]
        assert {row["type"]: row["count"] for row in rows} == {"test-echo": 3, "test-raise": 1}
        assert rows[0]["count"] == 3
        fold_letter_counts()
    rows = viewer.get("/dlq/groups", {"sort": "-lastSeenAt"}).json()["data"]
    assert [row["type"] for row in rows] == ["test-raise", "test-echo"]
    page = viewer.get("/dlq/groups", {"limit": 1}).json()
    following = viewer.get("/dlq/groups", {"limit": 1, "cursor": page["nextCursor"]}).json()
    assert [row["type"] for row in following["data"]] == ["test-raise"]
    for query, count in (
        ({"category": "NETWORK"}, 1),
        ({"type": "test-echo"}, 1),
        ({"owner": "nobody"}, 2),
        ({"owner": "me"}, 0),
        ({"search": "stuck"}, 1),
        ({"fingerprint": one.fingerprint}, 1),
        ({"version": many[0].worker_version}, 2),
        ({"state": "RESOLVED"}, 0),
    ):
        assert viewer.get("/dlq/groups", query).json()["total"] == count, query
    assert viewer.get("/dlq/groups", {"state": "BOGUS"}).status_code == 422
    operator.post(f"/dlq/tasks/{one.id}/discard", {"reason": "x"})
    fold_letter_counts()
    GroupUpkeep().run()
    assert viewer.get("/dlq/groups").json()["total"] == 1
    assert viewer.get("/dlq/groups", {"state": "RESOLVED"}).json()["total"] == 1
