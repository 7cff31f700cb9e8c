"""The bar above the lists, and the pages of saved views, as they work without scripts."""

import re
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.contrib.auth import get_user_model
from django.urls import reverse

from benchmarks.dashboard.statements import counted_statements
from controlplane.core.admin.actions import CONFIRMED
from controlplane.ops.savedviews.models import SavedView
from controlplane.workspaces import services
from controlplane.workspaces.actors import SYSTEM
from controlplane.workspaces.lists import all_lists
from tests.clients import default_workspace, other_workspace
from tests.factories import make_task, make_view
from tests.hostiletext import HOSTILE
from tests.integration.admin.toasts import messages_of
from tests.integration.admin.world import log_in

pytestmark = pytest.mark.django_db

TASKS = "/admin/tasks_app/task/"
MARKUP = "<img src=x onerror=alert(1)>"
SAVE = "/admin/savedviews/savedview/save/"


@pytest.fixture
def operator(db: None) -> Any:
    return log_in("ada", default_workspace(), "operator")


def user_of(name: str) -> Any:
    return get_user_model().objects.get(username=name)


def current_of(page: str) -> list[str]:
    """The names of the views that are marked as the current one."""
    bar = page.partition('aria-label="Views"')[2].partition("</nav>")[0]
    return re.findall(r'aria-current="true"><bdi>(.*?)</bdi>', bar)


def bar_of(page: str) -> str:
    return page.partition("data-views")[2].partition('class="filters"')[0]


def open_at(client: Any, url: str) -> str:
    answer = client.get(url)
    assert answer.status_code == 200, (url, answer)
    found: str = answer.content.decode()
    return found


def test_every_list_shows_its_views_and_opens_the_shipped_ones(db: None) -> None:
    root = log_in("root", default_workspace(), "admin", is_superuser=True)
    make_task("FAILED")
    for of in all_lists():
        page = open_at(root, f"/{of.path}")
        if of.has_own_tabs:
            assert "data-views" not in page
            continue
        assert current_of(page) == [of.bare_title], of.name
        for view in of.shipped:
            (url,) = re.findall(rf'href="([^"]*saved={view.key})"', page)
            assert current_of(open_at(root, url.replace("&amp;", "&"))) == [view.name], url


def test_from_filters_to_a_view_and_back(operator: Any) -> None:
    address = "status=FAILED&finishedAfter=24h&sort=-finishedAt&columns=type,queue"
    page = open_at(operator, f"{TASKS}?{address}")
    assert current_of(page) == []
    assert "Save view" in bar_of(page)
    assert "Finished in the last 24h, state FAILED" in bar_of(page)

    form = {"list": "tasks", "address": address, "name": "Failed today", "is_pinned": "on"}
    answer = operator.post(SAVE, form)
    view = SavedView.objects.get()
    assert dict(parse_qsl(urlsplit(answer.url).query)) == {
        **dict(parse_qsl(address)), "columns": "type,queue", "saved": str(view.id),
    }  # fmt: skip
    page = open_at(operator, answer.url)
    assert current_of(page) == ["Failed today"]
    assert "Save changes" not in page
    assert current_of(open_at(operator, f"{TASKS}?{address}")) == ["Failed today"]  # the same

    changed = open_at(operator, f"{answer.url}&type=noop")
    assert current_of(changed) == ["Failed today"]
    assert "changed</span>" in bar_of(changed)
    address = f"{urlsplit(answer.url).query}&type=noop"
    keep = reverse("admin:savedviews_savedview_keep", args=[view.id])
    kept = operator.post(keep, {"address": address, "version": "1"})
    view.refresh_from_db()
    assert (view.version, view.filters["type"]) == (2, ["noop"])
    assert current_of(open_at(operator, kept.url)) == ["Failed today"]

    stale = operator.post(keep, {"address": "status=FAILED", "version": "1"}, follow=True)
    assert "Somebody has changed this view since" in stale.content.decode()
    view.refresh_from_db()
    assert view.version == 2


def test_what_cannot_be_saved_is_explained_beside_the_form(operator: Any) -> None:
    make_view(name="Failed", owner=user_of("ada"))
    form = {"list": "tasks", "address": "status=FAILED", "name": "failed"}
    refused = operator.post(SAVE, form).content.decode()
    assert "There is a view of this list with this name" in refused
    refused = operator.post(SAVE, {**form, "name": "x", "address": "status=BOGUS"})
    assert "filters.status: One of" in refused.content.decode()
    other = {"list": "schedules", "name": "x", "address": "o=-1"}
    assert "remove it from the address" in operator.post(SAVE, other).content.decode()
    assert operator.post(SAVE, {**form, "list": "colours"}).status_code == 302
    assert SavedView.objects.count() == 1


def test_the_page_says_why_a_list_cannot_be_saved(operator: Any) -> None:
    schedules = "/admin/schedules/schedule/"
    page = open_at(operator, f"{schedules}?o=-1")
    assert "This list cannot be saved as a view. <bdi>o</bdi>: <bdi>A view of Schedules" in page
    assert "Save view" not in page
    assert "cannot be saved" not in open_at(operator, f"{schedules}?source__exact=code")


def test_what_the_inbox_links_to_can_be_saved_with_its_workspace(operator: Any) -> None:
    letters = "/admin/dlq/deadletter/"
    services.add_member(
        workspace=other_workspace(), user=user_of("ada"), role="operator", actor=SYSTEM
    )
    address = (
        "workspace=other&fingerprint=0a1b2c3d4e5f6071&type=noop&status__exact=OPEN&node=n1"
        "&release=1.2&version=4.12.0&queue=mail&since=2026-01-01T00:00:00Z"
        "&died_at__lt=2026-01-02T00:00:00Z"
    )
    assert "Save view" in bar_of(open_at(operator, f"{letters}?{address}"))
    form = {"list": "dead-letters", "address": address, "name": "New Year", "workspace": "other"}
    answer = operator.post(SAVE, form)
    view = SavedView.objects.get()
    opened = dict(parse_qsl(urlsplit(answer.url).query))
    assert opened == {**dict(parse_qsl(address)), "saved": str(view.id)}
    assert current_of(open_at(operator, answer.url)) == ["New Year"]
    inbox = "/admin/dlq/lettergroup/?view=all&release=1.2"
    assert "Save view" in open_at(operator, inbox)


def test_what_is_saved_without_a_change_is_not_green(operator: Any) -> None:
    form = {"list": "tasks", "address": "status=FAILED", "name": "Failed today"}
    address = urlsplit(operator.post(SAVE, form).url).query
    view = SavedView.objects.get()
    for verb, sent in (("keep", {"address": address}), ("change", {"name": view.name})):
        path = reverse(f"admin:savedviews_savedview_{verb}", args=[view.id])
        page = operator.post(path, {**sent, "version": "1"}, follow=True).content.decode()
        assert messages_of(page)[-1] == (
            "info", "Nothing to change: the view Failed today already has these values.",
        )  # fmt: skip


def test_edit_share_and_delete(operator: Any) -> None:
    view = make_view(owner=user_of("ada"))
    edit = reverse("admin:savedviews_savedview_change", args=[view.id])
    assert "Delete the view" in open_at(operator, edit)
    form = {"name": "Ours", "is_shared": "on", "is_pinned": "on", "version": "1"}
    assert operator.post(edit, form).status_code == 302
    view.refresh_from_db()
    assert (view.name, view.is_shared, view.is_pinned, view.version) == ("Ours", True, True, 2)
    assert "changed this view since" in operator.post(edit, form).content.decode()

    remove = reverse("admin:savedviews_savedview_remove", args=[view.id])
    question = operator.post(remove).content.decode()
    assert "Everybody in the workspace loses it." in question
    assert operator.post(remove, {CONFIRMED: "yes"}).url == TASKS
    assert not SavedView.objects.exists()


def test_a_viewer_keeps_views_and_shares_none(db: None) -> None:
    viewer = log_in("vera", default_workspace(), "viewer")
    page = open_at(viewer, f"{TASKS}?status=FAILED")
    assert "Share with the workspace" not in page
    form = {"list": "tasks", "address": "status=FAILED", "name": "Mine", "is_shared": "on"}
    assert viewer.post(SAVE, form).status_code == 302
    assert SavedView.objects.get().is_shared is False

    shared = make_view(name="Ours", is_shared=True, is_pinned=True)
    page = open_at(viewer, f"{TASKS}?saved={shared.id}&type=noop")
    assert "Ours" in bar_of(page)
    assert "Save changes" not in page
    for verb in ("change", "keep", "remove"):
        url = reverse(f"admin:savedviews_savedview_{verb}", args=[shared.id])
        wanted = 302 if verb == "keep" else 403
        assert viewer.post(url, {"name": "x"}).status_code == wanted
        shared.refresh_from_db()
        assert (shared.name, shared.version) == ("Ours", 1)


def test_a_private_view_is_nobody_elses_not_even_a_superusers(operator: Any) -> None:
    view = make_view(name="Secret", owner=user_of("ada"), is_pinned=True)
    root = log_in("root", default_workspace(), "admin", is_superuser=True)
    assert "Secret" in open_at(operator, TASKS)
    for url in (TASKS, f"{TASKS}?saved={view.id}", "/admin/savedviews/savedview/"):
        assert "Secret" not in open_at(root, url)
    assert root.get(reverse("admin:savedviews_savedview_change", args=[view.id])).status_code == 302
    for verb in ("keep", "remove"):
        url = reverse(f"admin:savedviews_savedview_{verb}", args=[view.id])
        assert root.post(url, {"address": "", CONFIRMED: "yes"}).status_code == 404
    assert SavedView.objects.filter(name="Secret").exists()


def test_two_workspaces_never_see_each_others_views(operator: Any) -> None:
    make_view(name="Ours", is_shared=True, is_pinned=True)
    make_view(name="Theirs", is_shared=True, is_pinned=True, workspace=other_workspace())
    assert "Theirs" not in open_at(operator, TASKS)
    services.add_member(
        workspace=other_workspace(), user=user_of("ada"), role="viewer", actor=SYSTEM
    )
    page = bar_of(open_at(operator, TASKS))
    assert "Ours" in page
    assert "Theirs" in page
    assert "workspace=other" in page
    page = bar_of(open_at(operator, f"{TASKS}?workspace=other&status=FAILED"))
    assert "Ours" not in page
    assert "Share with the workspace" not in page  # a viewer there


def test_a_part_that_no_longer_exists_is_named(operator: Any) -> None:
    view = make_view(
        owner=user_of("ada"), filters={"status": ["FAILED"], "colour": ["red"]}, is_pinned=True
    )
    page = open_at(operator, f"{TASKS}?status=FAILED&saved={view.id}")
    assert "no longer has a part of the view" in page
    assert "filters.colour" in page
    assert "Save changes" in page


def test_hostile_names_are_text(operator: Any) -> None:
    make_view(name=HOSTILE[:80], owner=user_of("ada"), is_pinned=True)
    make_view(name=MARKUP, list_name="tasks", owner=user_of("ada"), is_pinned=True)
    for url in (TASKS, "/admin/savedviews/savedview/"):
        page = open_at(operator, url)
        assert MARKUP not in page
        assert "\u202e" not in page
        assert "\x1b" not in page


def test_the_bar_costs_one_statement(operator: Any) -> None:
    open_at(operator, TASKS)
    with counted_statements() as few:
        open_at(operator, TASKS)
    for number in range(20):
        make_view(name=f"View {number}", owner=user_of("ada"), is_pinned=True)
    with counted_statements() as many:
        open_at(operator, TASKS)
    assert len(many) == len(few)
    assert sum("savedviews_savedview" in each for each in map(str, many)) == 1
