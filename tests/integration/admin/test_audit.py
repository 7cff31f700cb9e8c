"""The audit log in the admin: its list, and one entry."""

import html
import re
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.http import QueryDict
from django.test import Client
from django.urls import reverse

from controlplane.core.clock import now
from controlplane.core.errors import Invalid
from controlplane.core.ids import first_id_of
from controlplane.core.requests import working_for
from controlplane.workspaces.actors import SYSTEM, Actor
from controlplane.workspaces.audit import listpage
from controlplane.workspaces.audit.queries import list_audit_events, read_events
from controlplane.workspaces.models import ID_SLACK, AuditEvent
from controlplane.workspaces.schema import AuditFilter
from tasks_app.services import change_queue
from tests.clients import default_workspace, key_client, other_workspace, staff_client
from tests.exportfiles import content_of, read_ndjson
from tests.factories import make_operation, make_queue
from tests.integration.admin.auditpages import ADA, AUDIT, record

pytestmark = pytest.mark.django_db


def page_of(client: Client, query: str = "", **params: str) -> str:
    answer = client.get(AUDIT + query, params)
    assert answer.status_code == 200
    return answer.content.decode()


def test_people_and_keys_come_first_and_the_platform_is_one_link_away(root: Client) -> None:
    record(detail={"name": "by-ada"})
    record(actor=SYSTEM, detail={"name": "by-system"})
    page = page_of(root)
    assert "by-ada" in page
    assert "by-system" not in page
    assert "by-system" in page_of(root, by="system")
    both = page_of(root, by="all")
    assert "by-ada" in both
    assert "by-system" in both


def test_somebody_at_the_command_line_is_a_person(root: Client) -> None:
    with working_for("", "command"):
        record(actor=SYSTEM, detail={"name": "typed"})
    assert "typed" in page_of(root)
    assert "typed" in page_of(root, by="people")
    assert "typed" not in page_of(root, by="system")


def test_a_line_says_who_did_what_to_which_object_and_what_it_replaced(root: Client) -> None:
    queue = make_queue("billing")
    change_queue(
        workspace_id=queue.workspace_id,
        name="billing",
        actor=ADA,
        changes={"paused": True, "reason": "the gateway is down"},
    )
    page = page_of(root)
    assert "paused queue" in page
    assert reverse("admin:tasks_app_queue_change", args=[queue.pk]) in page
    assert "the gateway is down" in page
    entry = root.get(
        reverse("admin:workspaces_auditevent_change", args=[AuditEvent.objects.get().pk])
    ).content.decode()
    row = re.search(r"<bdi>paused</bdi></th>.*?</tr>", entry, re.DOTALL)
    assert row is not None
    assert re.findall(r"<bdi>(\w+)</bdi>", row[0]) == ["paused", "no", "yes"]


def test_an_object_that_is_gone_has_no_link_and_says_so(root: Client) -> None:
    event = record(target_id=str(uuid4()), detail={"name": "nightly"})
    assert "(gone)" in page_of(root)
    entry = root.get(reverse("admin:workspaces_auditevent_change", args=[event.pk]))
    assert "It does not exist any more." in entry.content.decode()


FILTERS = {
    "action": "queue.change",
    "targetType": "queue",
    "targetId": "billing",
    "actor": "bob",
    "actorId": "8",
    "requestId": "operation:1",
    "search": "the gate",
    "door": "api",
    "createdAfter": "1h",
    "workspace": "other",
    "q": "billing",
}


@pytest.mark.parametrize(("name", "value"), FILTERS.items())
def test_every_filter_finds_what_it_names(root: Client, name: str, value: str) -> None:
    record(detail={"name": "unwanted"})
    bob = Actor(kind="user", id="8", label="bob", role=None)
    with working_for("operation:1", "api"):
        wanted = record(
            "queue.change",
            "queue",
            "billing",
            actor=bob,
            workspace=other_workspace(),
            detail={"reason": "The gateway", "name": "wanted"},
        )
    page = page_of(root, **{name: value})
    assert reverse("admin:workspaces_auditevent_change", args=[wanted.pk]) in page
    assert ("unwanted" in page) == (name == "createdAfter")


@pytest.mark.parametrize("query", ["?createdAfter=soon", "?nonsense=1", "?door=window"])
def test_a_filter_that_cannot_be_read_lists_nothing_and_says_why(root: Client, query: str) -> None:
    record(detail={"name": "somebody"})
    page = page_of(root, query)
    assert "Nothing is listed." in page
    assert "somebody" not in page


def test_a_list_that_could_not_be_read_is_not_followed(
    root: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(events: Any, most: int) -> Any:
        raise Invalid("This takes too long.")

    assert "data-newer" in page_of(root)
    monkeypatch.setattr(listpage, "read_events", read)
    page = page_of(root)
    assert "This takes too long." in page
    assert "data-newer" not in page


def test_a_view_is_saved_from_the_address_and_marks_it_only(root: Client) -> None:
    record(detail={"name": "by-ada"})
    record("queue.change", "queue", "mail", detail={"name": "of-mail"})
    address = "by=people&targetType=queue&createdAfter=24h"
    page = page_of(root, f"?{address}")
    assert "Save view" in page
    form = {"list": "audit", "address": address, "name": "Queues today", "is_pinned": "on"}
    saved = root.post(reverse("admin:savedviews_savedview_save"), form)
    page = root.get(saved["Location"]).content.decode()
    assert 'aria-current="true"><bdi>Queues today</bdi>' in page
    assert "of-mail" in page
    assert "by-ada" not in page
    assert "Nothing is listed." not in page
    assert "Remove the filter saved" not in page
    assert not root.get(AUDIT, {"saved": "by-people"}).context["address"].has_filters


def test_the_file_has_what_the_page_lists(root: Client) -> None:
    wanted = record("queue.change", "queue", "mail", detail={"reason": "slow"})
    record("queue.change", "queue", "mail", actor=SYSTEM)
    record("queue.change", "queue", "mail", workspace=other_workspace())
    record()

    def export(query: str) -> Any:
        menu = root.get(AUDIT + query).context["export"]
        params = QueryDict(mutable=True)
        for name, value in menu.hidden:
            params.appendlist(name, value)
        params.update({"workspace": "default", "format": "ndjson"})
        return root.get(f"{menu.action}?{params.urlencode()}")

    (row,) = read_ndjson(content_of(export("?targetType=queue&saved=x")))
    assert (row["id"], row["reason"]) == (str(wanted.pk), "slow")
    assert len(read_ndjson(content_of(export("?targetType=queue&by=all")))) == 2
    refused = export("?door=window")
    assert "Nothing was exported." in root.get(refused["Location"]).content.decode()


def test_pages_follow_one_another(root: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("controlplane.workspaces.audit.listpage.PAGE_SIZE", 2)
    for number in range(5):
        record(detail={"name": f"n-{number}"})
    shown, query = [], ""
    while True:
        page = page_of(root, query)
        shown += re.findall(r"n-\d", page)
        found = re.search(r'rel="next" href="([^"]*)"', page)
        if found is None:
            break
        query = found[1]
    assert shown == ["n-4", "n-3", "n-2", "n-1", "n-0"]


def test_a_text_is_looked_for_in_a_part_of_the_log_at_a_time(
    root: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A log in which all of it takes too long."""
    in_parts = partial(read_events, seconds=2.0)

    def read(events: Any, limit: int, *, seconds: float | None = None) -> list[AuditEvent]:
        if seconds is not None:
            raise Invalid("It takes too long.")
        return in_parts(events, limit)

    for number in range(9):
        record(detail={"name": f"n-{number} {'rare' if number in (0, 1, 7) else 'other'}"})
    page = page_of(root, search="rare")
    assert re.findall(r"n-\d", page) == ["n-7", "n-1", "n-0"]
    assert "Search older" not in page
    monkeypatch.setattr(listpage, "SEARCHED", 3)
    monkeypatch.setattr(listpage, "read_events", read)
    shown, query = [], "?search=rare"
    while True:
        page = page_of(root, query)
        shown.append(re.findall(r"n-\d", page))
        found = re.search(r'rel="next" href="([^"]*)"><span>Search older entries<', page)
        assert bool(found) == ("The text was looked for in 3 entries, back to" in page)
        if found is None:
            break
        assert ("None of these 3 entries matches." in page) == (shown[-1] == [])
        query = html.unescape(found[1])
    assert shown == [["n-7"], [], ["n-1", "n-0"]]
    assert "Search older" not in page_of(root, "?search=rare&action=run.cancel")
    assert "Search older" not in page_of(root)
    last = str(AuditEvent.objects.order_by("id")[0].pk)
    assert "No older entry matches." in page_of(root, search="rare", before=last)


def test_an_empty_page_counts_only_what_comes(root: Client) -> None:
    """So the log is not searched again and again for what it does not have."""
    address = re.search(r'data-newer="([^"]*)"', page_of(root, search="rare"))
    assert address
    newest = QueryDict(html.unescape(address[1]).partition("?")[2])["newest"]
    assert first_id_of(now() - 2 * ID_SLACK) < UUID(newest) < first_id_of(now())
    record(detail={"name": "rare"})
    assert root.get(html.unescape(address[1])).json() == {"newer": "1"}


def test_what_an_operation_does_leads_to_its_page(root: Client) -> None:
    operation = make_operation(default_workspace())
    with working_for(f"operation:{operation.pk}"):
        event = record(actor=Actor(kind="system", id="", label="ada", role=None))
    url = reverse("admin:operations_operation_change", args=[operation.pk])
    assert url in page_of(root, by="system")
    entry = root.get(reverse("admin:workspaces_auditevent_change", args=[event.pk]))
    assert url in entry.content.decode()


def test_where_it_was_asked_is_kept() -> None:
    client = key_client()
    queue = make_queue("billing")
    client.patch("/queues/billing", {"paused": True}, format="json")
    event = AuditEvent.objects.get(action="queue.change")
    assert (event.door, bool(event.request_id)) == ("api", True)
    root = staff_client("root", apps=[], is_superuser=True)
    root.post(reverse("admin:tasks_app_queue_resume", args=[queue.pk]))
    assert AuditEvent.objects.filter(action="queue.change").latest("id").door == "page"


def test_an_admin_sees_the_log_of_their_workspaces_only() -> None:
    here = record(detail={"name": "here"})
    there = record(workspace=other_workspace(), detail={"name": "there"})
    client = staff_client("boss", "admin", apps=["workspaces", "tasks_app"])
    page = page_of(client)
    assert "here" in page
    assert "there" not in page
    assert "there" not in page_of(client, workspace="other")
    entry = "admin:workspaces_auditevent_change"
    assert client.get(reverse(entry, args=[here.pk])).status_code == 200
    assert client.get(reverse(entry, args=[there.pk])).status_code == 302


def test_an_open_page_asks_how_many_entries_of_its_filters_are_new(root: Client) -> None:
    record()
    page = page_of(root, action="task.cancel")
    found = re.search(r'data-newer="([^"]*)" data-topics="([^"]*)"', page)
    assert found
    address, topics = found[1].replace("&amp;", "&"), found[2]
    assert topics == "default/audit"
    assert root.get(address).json() == {"newer": ""}
    for action in ("task.cancel", "task.retry", "task.cancel"):
        record(action)
    assert root.get(address).json() == {"newer": "2"}
    # An older page of the list has no newest entry.
    assert "data-newer" not in page_of(root, before=str(AuditEvent.objects.order_by("-id")[0].pk))
    assert staff_client("mira", "operator", apps=["workspaces"]).get(address).status_code == 403


def test_the_time_of_entries_is_found_by_an_index(root: Client) -> None:
    """Their ids are in the order of time, and every index of the log ends with them."""
    for age in (3, 2, 1):
        at = now() - timedelta(days=age)
        AuditEvent.objects.create(
            id=first_id_of(at), workspace=default_workspace(), actor_kind="user", actor_label="ada",
            action="task.cancel", target_type="task", target_id=f"{age}-days-old", created_at=at,
        )  # fmt: skip
    page = page_of(root, createdAfter="60h", createdBefore="36h")
    assert re.findall(r"\d-days-old", page) == ["2-days-old"]
    bound = AuditFilter(created_before=now() - timedelta(days=2))
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    plan = list_audit_events([default_workspace().id], bound)[:50].explain()
    assert re.search(r"Index Cond: .*\bid < ", plan), plan
