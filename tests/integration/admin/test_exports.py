"""The menu above every list, and the file that follows: exactly the rows of the page."""

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from controlplane.core.ids import uuid7
from controlplane.workspaces.actors import SYSTEM
from controlplane.workspaces.models import AuditEvent, Workspace
from dlq.discard import discard_letter
from dlq.models import LetterGroup
from tests.clients import key_client, user_client
from tests.exportfiles import content_of, read_csv, read_ndjson
from tests.factories import make_items, make_letter, make_operation, make_queue, make_task
from tests.integration.admin.crowd import add_rows

pytestmark = pytest.mark.django_db
LISTS = [
    "dlq_deadletter", "dlq_lettergroup", "dlq_replay", "operations_operation", "schedules_firing",
    "schedules_schedule", "scaling_scalingevent", "stress_stresstest", "tasks_app_queue",
    "tasks_app_task", "workers_node", "workflows_workflow", "workflows_workflowrun",
    "workspaces_apikey", "workspaces_auditevent", "workspaces_membership",
]  # fmt: skip


@pytest.fixture
def root(db: None) -> Client:
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("root"))
    return client


def menu_of(answer: Any) -> Any:
    """The menu of one of our pages, or of one of Django's lists."""
    return answer.context["export"] if "export" in answer.context else answer.context["cl"].export


def follow(client: Client, menu: Any, **more: str) -> Any:
    """What a browser asks for when a button of the menu is pressed."""
    params: dict[str, Any] = {}
    for name, value in menu.hidden:
        params.setdefault(name, []).append(value)
    return client.get(menu.action, {**params, "format": "ndjson", **more})


def rows(client: Client, menu: Any, **more: str) -> list[dict[str, Any]]:
    return read_ndjson(content_of(follow(client, menu, **more)))


def test_every_list_has_a_menu_and_a_file(root: Client) -> None:
    add_rows(3)
    key_client("viewer")
    user_client("viewer")
    for name in LISTS:
        answer = root.get(reverse(f"admin:{name}_changelist"))
        menu = menu_of(answer)
        assert b'aria-label="Export"' in answer.content, name
        reply = follow(root, menu, workspace="default")
        assert reply.status_code == 200, (name, root.get(reply["Location"]).context["messages"])
        found = read_ndjson(content_of(reply))
        assert found, name
        head, *lines = read_csv(content_of(follow(root, menu, workspace="default", format="csv")))
        assert len(lines) >= len(found), name
        assert len(head) > 3, name


def test_the_filters_of_the_page_hold(root: Client) -> None:
    make_task("FAILED", name="wanted")
    make_task("FAILED", name="another")
    make_task(name="wanted")
    answer = root.get(
        reverse("admin:tasks_app_task_changelist"), {"status": "FAILED", "search": "wanted"}
    )
    menu = menu_of(answer)
    assert menu.words == "1 task that matches"
    assert [row["name"] for row in rows(root, menu)] == ["wanted"]
    start = AuditEvent.objects.get(action="export.start")
    assert start.actor_label == "root"
    assert start.detail["filter"] == {"status": ["FAILED"], "search": ["wanted"]}


def test_the_filters_of_a_list_of_django_hold(root: Client) -> None:
    letter = make_letter(name="open")
    discard_letter(
        workspace_id=letter.workspace_id,
        letter_id=make_letter(name="closed").id,
        reason="tried",
        actor=SYSTEM,
    )
    answer = root.get(reverse("admin:dlq_deadletter_changelist"), {"status__exact": "OPEN"})
    (row,) = rows(root, menu_of(answer))
    assert row["name"] == "open"
    assert row["payload"] == letter.payload


def test_the_view_of_the_inbox_holds(root: Client) -> None:
    make_letter()
    url = reverse("admin:dlq_lettergroup_changelist")
    assert len(rows(root, menu_of(root.get(url, {"view": "mine"})))) == 1
    LetterGroup.objects.update(state="MUTED", muted_above=10)
    assert rows(root, menu_of(root.get(url, {"view": "mine"}))) == []
    assert len(rows(root, menu_of(root.get(url, {"view": "muted"})))) == 1


def test_the_search_for_queues_holds(root: Client) -> None:
    make_queue("mail")
    make_queue("reports")
    menu = menu_of(root.get(reverse("admin:tasks_app_queue_changelist"), {"q": "mai"}))
    assert [row["name"] for row in rows(root, menu)] == ["mail"]


def test_a_file_of_queues_needs_no_statement_for_each(root: Client) -> None:
    make_queue("mail")
    menu = menu_of(root.get(reverse("admin:tasks_app_queue_changelist")))
    with CaptureQueriesContext(connection) as few:
        rows(root, menu)
    for number in range(5):
        make_queue(f"queue-{number}")
    with CaptureQueriesContext(connection) as many:
        assert len(rows(root, menu)) == 6
    assert len(many) == len(few)


def test_the_items_of_an_operation(root: Client) -> None:
    operation = make_operation()
    failed = str(uuid7())
    make_items(operation, {failed: "FAILED", str(uuid7()): "CHANGED"})
    page = reverse("admin:operations_operation_change", args=[operation.pk])
    assert len(rows(root, menu_of(root.get(page)))) == 2
    (row,) = rows(root, menu_of(root.get(page, {"outcome": "FAILED"})))
    assert (row["targetId"], row["outcome"]) == (failed, "FAILED")


def test_a_file_has_the_rows_of_one_workspace(root: Client, other: Workspace) -> None:
    make_task(name="mine")
    make_task(name="theirs", workspace=other)
    menu = menu_of(root.get(reverse("admin:tasks_app_task_changelist")))
    assert [slug for slug, _ in menu.workspaces] == ["default", "other"]
    refused = follow(root, menu)
    assert refused.status_code == 302
    assert "Nothing was exported." in root.get(refused["Location"]).content.decode()
    assert [row["name"] for row in rows(root, menu, workspace="other")] == ["theirs"]
    assert [row["name"] for row in rows(root, menu, workspace="default")] == ["mine"]


def test_a_wrong_address_exports_nothing(root: Client) -> None:
    url = reverse("admin:tasks_app_task_export")
    for params in ({"format": "pdf"}, {"minPriority": "x"}):
        answer = root.get(url, {"workspace": "default", **params}, follow=True)
        assert "Nothing was exported." in answer.content.decode()
    assert not AuditEvent.objects.filter(target_type="export").exists()
