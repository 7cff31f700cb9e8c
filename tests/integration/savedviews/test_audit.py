"""Saved views in the audit log: what changed, a link, and a history of their own."""

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from controlplane.ops.savedviews.models import SavedView
from controlplane.workspaces import services
from controlplane.workspaces.actors import SYSTEM
from controlplane.workspaces.audit.changes import other_facts, read_changes
from controlplane.workspaces.models import AuditEvent
from tests.clients import default_workspace, key_client
from tests.factories import make_view
from tests.integration.admin.world import log_in

pytestmark = pytest.mark.django_db
AUDIT = reverse("admin:workspaces_auditevent_changelist")


def history_of(view: SavedView) -> str:
    return reverse("admin:savedviews_savedview_history", args=[view.pk])


@pytest.fixture
def root(db: None) -> Client:
    return log_in("root", is_superuser=True)


@pytest.fixture
def view(db: None) -> SavedView:
    """One that was changed."""
    made = make_view(name="Failed", is_shared=True)
    change = {"name": "Ours", "filters": {"type": "noop"}}
    answer = key_client("operator").patch(f"/views/{made.pk}", change, format="json")
    assert answer.status_code == 200
    made.refresh_from_db()
    return made


def test_an_entry_says_what_changed_and_leads_to_the_view(view: SavedView, root: Client) -> None:
    (entry,) = key_client().get("/audit?action=view.change").json()["data"]
    changes = {each["field"]: (each["before"], each["after"]) for each in entry["changes"]}
    assert changes == {
        "name": ("Failed", "Ours"), "filters": ({"status": ["FAILED"]}, {"type": ["noop"]}),
    }  # fmt: skip
    page = root.get(AUDIT, {"targetType": "view"}).content.decode()
    assert "changed saved view" in page
    assert reverse("admin:savedviews_savedview_change", args=[view.pk]) in page
    assert re.search(r'<option value="view"[^>]*>saved view</option>', page)


def test_its_history_is_that_of_the_log(view: SavedView, root: Client) -> None:
    page = root.get(reverse("admin:savedviews_savedview_change", args=[view.pk])).content.decode()
    assert history_of(view) in page
    log = root.get(history_of(view), follow=True).content.decode()
    assert "History of saved view" in log
    assert "changed saved view" in log


def test_a_viewer_sees_what_was_done_to_a_view_that_they_see(view: SavedView) -> None:
    viewer = log_in("vera", default_workspace(), "viewer")
    answer = viewer.get(history_of(view))
    assert answer.status_code == 200
    assert "changed saved view" in answer.content.decode()
    private = make_view(name="Secret")
    services.record_audit(
        default_workspace(), SYSTEM, "view.create", "view", str(private.pk), {"name": "Secret"}
    )
    assert "Secret" not in viewer.get(history_of(private), follow=True).content.decode()


def test_entries_of_an_earlier_release_are_read() -> None:
    changed = {"sort": ["", "name"], "isShared": [False, True]}
    detail: dict[str, Any] = {"list": "tasks", "name": "Ours", "changed": changed}
    found = [(each.field, each.before, each.after) for each in read_changes(detail)]
    assert found == [("sort", "", "name"), ("isShared", False, True)]
    assert other_facts(detail) == {"list": "tasks", "name": "Ours"}
    assert other_facts({"changed": 7}) == {"changed": 7}


def test_every_event_of_a_view_is_in_words(view: SavedView, root: Client) -> None:
    key_client("admin").delete(f"/views/{view.pk}")
    page = root.get(AUDIT, {"targetType": "view"}).content.decode()
    assert "deleted saved view" in page
    assert "(gone)" in page
    assert AuditEvent.objects.filter(target_type="view").count() == 2
