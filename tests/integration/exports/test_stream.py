"""One export: how it ends, who may go on with it, what is written about it."""

import csv
import io
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from controlplane.core.errors import Conflict, Forbidden
from controlplane.core.exports import batches
from controlplane.core.exports.files import FORMATS
from controlplane.workspaces import services
from controlplane.workspaces.actors import SYSTEM, Actor
from controlplane.workspaces.exporting import Selected, find_list, stream
from controlplane.workspaces.exporting.access import Access
from controlplane.workspaces.exporting.slots import slots
from controlplane.workspaces.models import ApiKey, AuditEvent, Membership, Workspace
from controlplane.workspaces.states import Role
from tasks_app.models import Task
from tests.clients import key_client, user_client
from tests.exportfiles import content_of, read_csv, read_ndjson
from tests.factories import make_tasks

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "_ROWS", 2)
    monkeypatch.setattr(stream, "RECHECK_SECONDS", 0.0)


def begin(
    workspace: Workspace, actor: Actor = SYSTEM, *, access: Access | None = None, kind: str = "csv"
) -> stream.Export:
    tasks = find_list("tasks")
    selected = Selected(workspace.id, tasks.filter(), actor)
    wanted = stream.Wanted(tasks, FORMATS[kind], workspace.id, {}, access=access)
    return stream.start_export(wanted, tasks.rows(selected), actor)


def actor_of(client: APIClient) -> Actor:
    key: ApiKey = client.api_key  # type: ignore[attr-defined] # of key_client
    return Actor("key", str(key.id), key.name, Role(key.role), frozenset(key.scopes))


def of(workspace: Workspace) -> Access:
    return Access(Role.VIEWER, "tasks", workspace.id)


def ends() -> list[dict[str, Any]]:
    events = AuditEvent.objects.filter(action="export.end").order_by("id")
    return list(events.values_list("detail", flat=True))


def test_start_and_end_are_audited(client: APIClient, workspace: Workspace) -> None:
    make_tasks(5, workspace=workspace)
    assert len(read_csv(content_of(client.get("/tasks/export?type=noop&fields=id,name")))) == 6
    start, end = AuditEvent.objects.filter(target_type="export").order_by("id")
    assert (start.action, end.action) == ("export.start", "export.end")
    assert start.actor_id == end.actor_id == str(client.api_key.id)  # type: ignore[attr-defined] # of key_client
    assert start.detail["filter"] == {"type": ["noop"]}
    assert (start.detail["format"], start.detail["fields"]) == ("csv", ["id", "name"])
    assert end.detail["export"] == start.detail["export"]
    assert (end.detail["rows"], end.detail["outcome"]) == (5, "completed")


def test_a_failure_ends_the_stream(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    make_tasks(6, workspace=workspace)
    export = begin(workspace)
    next(export)

    def fail(*args: Any) -> Any:
        raise OSError("The database is gone.")

    monkeypatch.setattr(batches, "_find", fail)
    with pytest.raises(OSError, match="is gone"):
        list(export)
    export.close()
    assert slots.count() == 0
    (end,) = ends()
    assert (end["outcome"], end["problem"], end["rows"]) == ("failed", "OSError", 2)


def test_a_reader_that_leaves_gives_back_its_place(workspace: Workspace) -> None:
    make_tasks(6, workspace=workspace)
    unread, begun = begin(workspace), begin(workspace)
    next(begun)
    assert slots.count() == 2
    for export in (unread, begun, begun):
        export.close()
    assert slots.count() == 0
    assert [(end["outcome"], end["rows"]) for end in ends()] == [("abandoned", 0), ("abandoned", 2)]


def revoke(client: Any) -> None:
    services.revoke_api_key(
        workspace=client.api_key.workspace, key_id=client.api_key.id, actor=SYSTEM
    )


def narrow(client: Any) -> None:
    ApiKey.objects.filter(pk=client.api_key.pk).update(scopes=["dlq:read"])


@pytest.mark.parametrize("change", [revoke, narrow])
def test_a_key_that_loses_its_right_gets_no_more(workspace: Workspace, change: Any) -> None:
    make_tasks(6, workspace=workspace)
    client = key_client("viewer", workspace=workspace)
    export = begin(workspace, actor_of(client), access=of(workspace))
    next(export)
    change(client)
    with pytest.raises(Forbidden):
        list(export)
    export.close()
    assert ends()[0]["outcome"] == "failed"


def leave(user: Any) -> None:
    Membership.objects.filter(user=user).delete()


def be_locked(user: Any) -> None:
    get_user_model().objects.filter(pk=user.pk).update(is_active=False)


@pytest.mark.parametrize("change", [leave, be_locked])
def test_a_person_who_loses_their_right_gets_no_more(workspace: Workspace, change: Any) -> None:
    make_tasks(6, workspace=workspace)
    user = user_client("viewer", workspace=workspace).user  # type: ignore[attr-defined] # of user_client
    actor = Actor("user", str(user.pk), "ada", Role.VIEWER)
    export = begin(workspace, actor, access=of(workspace))
    next(export)
    change(user)
    with pytest.raises(Forbidden):
        list(export)
    export.close()


def test_a_lower_role_holds_for_the_rest(workspace: Workspace) -> None:
    user = user_client("admin", workspace=workspace).user  # type: ignore[attr-defined] # of user_client
    actor = Actor("user", str(user.pk), "ada", Role.ADMIN)
    Membership.objects.filter(user=user).update(role="viewer")
    assert of(workspace).check(actor).role == Role.VIEWER


def test_an_export_that_takes_too_long_is_ended(workspace: Workspace, settings: Any) -> None:
    make_tasks(6, workspace=workspace)
    export = begin(workspace)
    next(export)
    settings.TASKPLANE = {**settings.TASKPLANE, "EXPORT_MAX_SECONDS": -1}
    with pytest.raises(Conflict, match="narrow it"):
        list(export)
    export.close()


def test_a_person_and_a_process_have_so_many_at_once(
    client: APIClient, workspace: Workspace, settings: Any
) -> None:
    settings.TASKPLANE = {
        **settings.TASKPLANE, "EXPORTS_PER_PERSON": 1, "EXPORTS_PER_PROCESS": 2,
    }  # fmt: skip
    make_tasks(3, workspace=workspace)
    first = client.get("/tasks/export")
    refused = client.get("/tasks/export")
    assert (refused.status_code, refused["Retry-After"]) == (429, "30")
    assert refused["Content-Type"] == "application/problem+json"
    second = key_client("viewer", workspace=workspace).get("/tasks/export")
    third = key_client("viewer", workspace=workspace).get("/tasks/export")
    assert (second.status_code, third.status_code) == (200, 429)
    assert client.head("/tasks/export").status_code == 200  # it begins none
    content_of(first)
    content_of(second)
    content_of(client.get("/tasks/export"))
    assert slots.count() == 0


def test_rows_of_no_transaction_come_once(workspace: Workspace) -> None:
    """What is removed before its batch is left out, what is added comes not at all."""
    make_tasks(6, workspace=workspace)
    ids = list(Task.objects.order_by("-id").values_list("id", flat=True))
    export = begin(workspace, kind="ndjson")
    first = next(export)
    Task.objects.filter(id=ids[-1]).delete()
    make_tasks(1, workspace=workspace)
    found = read_ndjson(first + b"".join(export))
    export.close()
    assert [row["id"] for row in found] == [str(each) for each in ids[:-1]]


def test_the_statements_are_those_of_the_batches(workspace: Workspace) -> None:
    make_tasks(8, workspace=workspace)
    with CaptureQueriesContext(
        connection,
    ) as captured:
        export = begin(workspace)
        list(export)
        export.close()
    # Five reads of keys with a time limit, four of rows and what describes them, two audit events.
    assert len(captured) <= 5 * 4 + 4 * 2 + 2


@pytest.mark.parametrize("mark", ["", "&bom=1"])
def test_a_byte_order_mark_is_a_choice(client: APIClient, workspace: Workspace, mark: str) -> None:
    make_tasks(1, workspace=workspace)
    content = content_of(client.get(f"/tasks/export?fields=name{mark}"))
    assert content.startswith(b"\xef\xbb\xbf") is bool(mark)
    assert next(csv.reader(io.StringIO(content.decode("utf-8-sig")))) == ["name"]
