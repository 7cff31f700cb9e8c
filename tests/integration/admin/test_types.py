"""The pages of task types, and what pages say of types and queues beside their names."""

from datetime import timedelta
from functools import partial

import pytest
from django.test import Client
from rest_framework.test import APIClient

from controlplane.core.clock import now
from controlplane.ops.schedules.models import Schedule
from controlplane.workspaces.models import AuditEvent
from tasks_app.models import DeclaredSet, Queue, QueueDescriptor
from tests.clients import other_workspace, staff_client
from tests.exportfiles import content_of, read_csv, read_ndjson
from tests.factories import (
    make_declaration,
    make_job,
    make_letter,
    make_node,
    make_queue,
    make_task,
)

pytestmark = pytest.mark.django_db
login = partial(staff_client, apps=["tasks_app", "workers", "schedules"])
LIST = "/admin/tasks_app/typedeclaration/"
RUNBOOK = "https://wiki.example/invoice"
DESCRIBED = {"title": "Invoice", "owner": "payments team", "runbook": RUNBOOK}


def read(client: Client, address: str, **query: str) -> str:
    answer = client.get(address, query)
    assert answer.status_code == 200, (address, answer.status_code)
    return answer.content.decode()


def test_the_list_and_the_page_of_a_type(root: Client) -> None:
    make_declaration("shop.invoice", [make_node("vm#1")], **DESCRIBED)
    make_task(type="shop.invoice")
    Schedule.objects.filter(pk=make_job("nightly").pk).update(task_type="shop.invoice")
    listed = read(root, LIST)
    assert "shop.invoice" in listed
    assert "payments team" in listed
    assert "shop.invoice" not in read(root, LIST, q="nothing like it")
    assert "shop.invoice" in read(root, LIST, q="PAYMENTS")
    page = read(root, f"{LIST}of/", name="shop.invoice")
    for words in ("Invoice", "payments team", f'href="{RUNBOOK}"', "vm#1", "nightly", "1 task<"):
        assert words in page, words
    assert "does not have it" in page  # this process knows no such type


def test_badges_say_where_nodes_disagree_and_what_nobody_declares(root: Client) -> None:
    gone = make_declaration("shop.old", **DESCRIBED)
    DeclaredSet.objects.filter(digest=gone.digest).update(
        last_declared_at=now() - timedelta(hours=3)
    )
    make_declaration("shop.invoice", [make_node("new#2")], **DESCRIBED, timeoutSeconds=30)
    make_declaration("shop.invoice", [make_node("old#1")], **DESCRIBED, timeoutSeconds=60)
    for name in ("shop.old", "shop.invoice", "shop.never"):
        make_task(type=name)
    page = read(root, LIST)
    for words in ("nodes disagree", "not declared any more", "never declared"):
        assert f">{words}</span>" in page, words
    assert "3 h ago" in page
    assert ">nodes disagree:</span>" in read(root, "/admin/tasks_app/task/")
    page = read(root, f"{LIST}of/", name="shop.invoice")
    assert "time-out" in page.lower()
    assert "Where nodes disagree" in page
    assert page.count(">old#1<") == 2  # beside its value, and among those that declare it
    assert "nobody since" in read(root, f"{LIST}of/", name="shop.old")
    assert "never known" not in read(root, f"{LIST}of/", name="shop.never")
    assert root.get(f"{LIST}of/", {"name": "nobody.knows"}).status_code == 302


def test_the_list_as_a_file(root: Client) -> None:
    make_declaration("shop.invoice", [make_node("vm#1")], **DESCRIBED)
    for name in ("shop.invoice", "shop.never"):
        make_task(type=name)
    menu = root.get(LIST, {"q": "shop."}).context["export"]
    assert menu.words == "1 task type that matches"  # of the other one there is only a name

    (row,) = read_ndjson(
        content_of(root.get(menu.action, {**dict(menu.hidden), "format": "ndjson"}))
    )

    assert (row["type"], row["owner"], row["status"]) == (
        "shop.invoice",
        "payments team",
        "DECLARED",
    )
    head, *rows = read_csv(content_of(root.get(f"{LIST}export/", {"format": "csv"})))
    assert "maxAttempts" in head
    assert {row[0] for row in rows} >= {"shop.invoice", "noop"}
    assert login("ada", "viewer").get(f"{LIST}export/", {"format": "csv"}).status_code == 200


def test_the_runbook_is_the_first_thing_of_a_failure(root: Client) -> None:
    make_declaration("test-echo", [make_node("vm#1")], **DESCRIBED)
    letter = make_letter(type="test-echo")
    for address in (
        f"/admin/dlq/lettergroup/{letter.id}/change/",
        f"/admin/dlq/deadletter/{letter.id}/change/",
        f"/admin/tasks_app/task/{make_task('FAILED', type='test-echo').id}/change/",
    ):
        page = read(root, address)
        assert f'href="{RUNBOOK}" rel="noopener noreferrer"' in page
        assert "payments team" in page


def test_counts_and_uses_are_those_of_the_persons_workspaces() -> None:
    make_declaration("shop.invoice", [make_node("vm#1")], **DESCRIBED)
    away = other_workspace("away")
    make_task(workspace=away, type="shop.invoice")
    make_task(workspace=away, type="secret.work")
    Schedule.objects.filter(pk=make_job("secret-job", away).pk).update(task_type="shop.invoice")
    viewer = login("v", "viewer")
    page = read(viewer, f"{LIST}of/", name="shop.invoice")
    assert "0 tasks" in page
    assert "secret-job" not in page
    assert "secret.work" not in read(viewer, LIST)
    assert viewer.get(f"{LIST}of/", {"name": "secret.work"}).status_code == 302


def test_an_operator_describes_a_queue_and_undoes_it(root: Client) -> None:
    queue = make_queue("mail")
    page = f"/admin/tasks_app/queue/{queue.pk}/"
    values = {**DESCRIBED, "description": ""}
    assert login("v", "viewer").post(f"{page}describe/", values).status_code == 403
    assert QueueDescriptor.objects.count() == 0
    operator = login("o", "operator")
    operator.post(f"{page}describe/", values)
    shown = read(operator, f"{page}change/")
    for words in ("Invoice", "payments team", f'href="{RUNBOOK}"'):
        assert words in shown
    assert "Invoice" in read(operator, "/admin/tasks_app/queue/")
    event = AuditEvent.objects.get(action="queue.describe")
    assert (event.detail["before"]["title"], event.detail["after"]["title"]) == ("", "Invoice")
    operator.post(f"{page}describe/", {**values, "runbook": "javascript:alert(1)"})
    assert QueueDescriptor.objects.get().runbook == RUNBOOK
    operator.post(f"{page}describe/", {"undo": "1"})
    assert QueueDescriptor.objects.count() == 0


def test_the_api_describes_a_queue(operator: APIClient) -> None:
    make_queue("mail")
    body = operator.patch("/queues/mail", {"owner": "ada", "runbook": RUNBOOK}).json()
    assert (body["owner"], body["runbook"], body["title"]) == ("ada", RUNBOOK, None)
    refused = operator.patch("/queues/mail", {"runbook": "ftp://nowhere", "paused": True})
    assert refused.status_code == 422
    assert Queue.objects.get(name="mail").paused_at is None  # all or nothing
    body = operator.patch("/queues/mail", {"owner": None, "runbook": None}).json()
    assert (body["owner"], QueueDescriptor.objects.count()) == (None, 0)


def test_the_settings_describe_a_queue_until_a_person_does(
    operator: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.conf import settings

    from tasks_app.declared_queues import declared_queues

    monkeypatch.setitem(settings.TASKPLANE, "QUEUES", {"mail": {"title": "Mail", "owner": "x"}})
    declared_queues.cache_clear()
    make_queue("mail")
    assert operator.get("/queues/mail").json()["title"] == "Mail"
    body = operator.patch("/queues/mail", {"title": "Letters"}).json()
    assert (body["title"], body["owner"]) == ("Letters", "x")
    # As the settings say: the row is gone, and a change of the settings is seen.
    operator.patch("/queues/mail", {"title": "Mail"})
    assert QueueDescriptor.objects.count() == 0


@pytest.mark.parametrize(
    ("declared", "sentence"),
    [
        ({"mail": {"runbook": "javascript:x"}}, "runbook is 'javascript:x'"),
        ({"mail": {"colour": "red"}}, "give texts for some of title"),
        ({"two words": {}}, "cannot be the name of a queue"),
    ],
)
def test_a_mistake_in_the_settings_is_named(
    declared: dict[str, dict[str, str]], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.conf import settings
    from django.core.exceptions import ImproperlyConfigured

    from tasks_app.declared_queues import declared_queues

    monkeypatch.setitem(settings.TASKPLANE, "QUEUES", declared)
    declared_queues.cache_clear()
    with pytest.raises(ImproperlyConfigured, match=sentence):
        declared_queues()
    declared_queues.cache_clear()
