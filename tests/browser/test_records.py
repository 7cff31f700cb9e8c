"""The audit log and the settings: filters, an entry, a key, a member, and what a viewer may see."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.urls import reverse
from playwright.sync_api import expect

from controlplane.workspaces import services
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.models import ApiKey, AuditEvent, Membership
from tasks_app.services import change_queue
from tests.browser.axe import find_violations
from tests.browser.test_matrix import PICTURES
from tests.clients import default_workspace
from tests.factories import make_queue, make_task

pytestmark = pytest.mark.django_db(transaction=True)
PageOf = Callable[..., Any]
AUDIT = reverse("admin:workspaces_auditevent_changelist")


def keep(page: Any, name: str) -> None:
    """A picture, if they are wanted."""
    if PICTURES:
        Path(PICTURES).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=Path(PICTURES) / f"{name}.png", full_page=True)


def make_history() -> None:
    """What two people, a key and the platform did."""
    home = default_workspace()
    queue = make_queue("billing")
    ada = Actor(kind="user", id="70", label="ada.lovelace", role=None)
    for paused in (True, False):
        change_queue(
            workspace_id=home.id,
            name=queue.name,
            actor=ada,
            changes={"paused": paused, "reason": "The gateway is down"},
        )
    task = make_task()
    key = Actor(kind="key", id="k", label="nightly (tp_0123abcd)", role=None)
    services.record_audit(home, key, "task.reprioritize", "task", task.pk,
                          {"priority": 9, "before": {"priority": 0}})  # fmt: skip
    services.record_audit(home, key, "task.cancel", "task", task.pk, {"count": 12, "reason": "x"})
    system = Actor(kind="system", id="", label="system", role=None)
    services.record_audit(home, system, "dlq.group_unmute", "failure-group", task.pk, {})


@pytest.mark.parametrize(("theme", "width"), [("light", 1440), ("dark", 390)])
def test_the_log_is_searched_and_an_entry_opened(page_of: PageOf, theme: str, width: int) -> None:
    page = page_of("admin", theme, width)
    make_history()
    page.goto(AUDIT)
    expect(page.locator("tbody tr")).to_have_count(4)
    expect(page.get_by_text("ended the mute of")).to_have_count(0)
    keep(page, f"audit-filled-{width}-{theme}")
    # An open page counts what comes, as far as its filters show it.
    expect(page.locator("#live-status")).to_have_text("Live")
    for kind, label in (("user", "grace.hopper"), ("system", "system")):
        actor = Actor(kind=kind, id="71", label=label, role=None)
        services.record_audit(default_workspace(), actor, "task.cancel", "task", "t", {})
    page.get_by_role("link", name="1 new, show").click()
    expect(page.locator("tbody tr").first).to_contain_text("grace.hopper")
    page.get_by_role("link", name="The platform").click()
    expect(page.get_by_text("ended the mute of")).to_be_visible()
    page.goto(AUDIT)
    page.locator("summary", has_text="Filter").click()
    page.get_by_label("Kind of object").select_option("queue")
    page.get_by_role("button", name="Show these entries").click()
    expect(page.locator("tbody tr")).to_have_count(2)
    expect(page.get_by_text("resumed queue")).to_be_visible()
    expect(page.locator("summary", has_text="Save view")).to_be_visible()
    keep(page, f"audit-filtered-{width}-{theme}")
    page.locator("tbody tr").last.locator("td.when a").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("ada.lovelace paused queue billing")
    expect(page.locator(".change-table tbody tr")).to_have_text([re.compile("paused.*no.*yes")])
    keep(page, f"audit-entry-{width}-{theme}")
    assert find_violations(page) == []
    page.get_by_role("link", name="Open the queue").click()
    page.get_by_role("link", name="History: who changed this").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("History of queue billing")
    expect(page.locator("tbody tr")).to_have_count(2)


def test_a_key_is_made_and_revoked_and_a_member_changed(page_of: PageOf) -> None:
    page = page_of("admin", "light", 1440)
    page.goto(reverse("admin:settings_keys"))
    page.locator("summary", has_text="New API key").click()
    page.get_by_label("Name").fill("nightly import")
    page.get_by_label("Scopes").fill("tasks:read, nonsense")
    page.get_by_role("button", name="Create the key").click()
    expect(page.locator(".field-error")).to_contain_text("A scope is like tasks:read")
    keep(page, "settings-key-refused-1440-light")
    page.get_by_label("Scopes").fill("tasks:read")
    page.get_by_role("button", name="Create the key").click()
    secret = page.locator("#api-key").inner_text()
    key = ApiKey.objects.get(name="nightly import")
    assert secret.startswith(f"{key.prefix}_")
    assert find_violations(page) == []
    keep(page, "settings-key-created-1440-light")
    page.goto(reverse("admin:settings_keys"))
    assert secret not in page.content()
    page.get_by_role("button", name=f"Revoke {key.prefix}").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke", exact=True).click()
    expect(page.get_by_text("Revoked", exact=True)).to_be_visible()

    get_user_model().objects.create_user("grace")
    page.goto(reverse("admin:settings_members"))
    page.locator("summary", has_text="Add a member").click()
    page.get_by_label("User name").fill("grace")
    page.get_by_role("button", name="Add the member").click()
    page.get_by_label("Role of grace", exact=True).select_option("operator")
    page.get_by_role("button", name="Save the role of grace").click()
    expect(page.get_by_text("Changed the role of grace to operator.")).to_be_visible()
    assert Membership.objects.get(user__username="grace").role == "operator"
    keep(page, "settings-members-filled-1440-light")
    names = AuditEvent.objects.filter(door="page").order_by("id").values_list("action", flat=True)
    assert list(names) == ["api_key.create", "api_key.revoke", "member.add", "member.change"]


@pytest.mark.ci
def test_a_viewer_sees_no_key_and_can_change_nothing(page_of: PageOf) -> None:
    page = page_of("viewer", "dark", 390)
    page.goto(reverse("admin:settings_scaling"))
    expect(page.get_by_role("link", name="API keys")).to_have_count(0)
    expect(page.locator("main button[type=submit]")).to_have_count(0)
    assert find_violations(page) == []
    keep(page, "settings-viewer-390-dark")
