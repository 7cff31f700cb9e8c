"""The workspace that a person chose last: pages that name none show it, and so do the figures that
lead to them."""

import re

import pytest
from django.test import Client

from controlplane.live.topics import find_topic, read_snapshot
from controlplane.workspaces.chosen import COOKIE
from controlplane.workspaces.models import Membership
from tests.clients import default_workspace, other_workspace, staff_client
from tests.factories import make_letter, make_task

APPS = ["tasks_app", "dlq", "workers"]
TASKS = "/admin/tasks_app/task/"
INBOX = "/admin/dlq/lettergroup/"


def counted(client: Client, path: str) -> str:
    """The workspace whose findings the sidebar of a page counts."""
    found = re.search(r'data-sum="([a-z]+)/findings#wrong"', client.get(path).content.decode())
    assert found
    return found[1]


def shown(client: Client, path: str) -> str:
    """The workspace that a page shows."""
    workspace: str = client.get(path).context["workspace"].slug
    return workspace


def counted_letters(page: str) -> tuple[str, str]:
    """The figure of dead letters in the sidebar, and the live figures that it is the sum of."""
    entry = page.partition('data-count="dead-letters"')[2].partition("</a>")[0]
    found = re.search(r'<span data-sum="([^"]*)">([^<]*)</span>', entry)
    assert found
    return found[2], found[1]


@pytest.fixture
def person(root: Client) -> Client:
    other_workspace()
    make_task()
    return root


def test_what_an_address_names_is_shown_by_addresses_that_name_none(person: Client) -> None:
    assert (shown(person, "/admin/"), counted(person, TASKS)) == ("default", "default")
    assert counted(person, f"{TASKS}?workspace=other") == "other"
    for path in ("/admin/", "/admin/performance/"):
        assert (shown(person, path), counted(person, path)) == ("other", "other")
    assert person.get("/admin/tasks_app/task/submit/").status_code == 200
    assert counted(person, TASKS) == "other"


def test_an_address_wins_and_is_remembered(person: Client) -> None:
    person.get("/admin/?workspace=other")
    assert shown(person, "/admin/performance/?workspace=default") == "default"
    assert (shown(person, "/admin/"), counted(person, TASKS)) == ("default", "default")


def test_the_sidebar_counts_the_letters_of_the_inbox_to_which_it_leads(person: Client) -> None:
    make_letter()
    for _ in range(2):
        make_letter(workspace=other_workspace())
    for path, slug, figure in (
        (TASKS, "default", "1"),
        (f"{TASKS}?workspace=other", "other", "2"),
        (TASKS, "other", "2"),
        (f"{INBOX}?workspace={default_workspace().id}", "default", "1"),
    ):
        topic = f"{slug}/navigation#deadLetters"
        assert counted_letters(person.get(path).content.decode()) == (figure, topic), path
        inbox = person.get(INBOX)
        assert inbox.context["chosen"].slug == slug
        assert counted_letters(inbox.content.decode()) == (figure, topic)
        live = read_snapshot(inbox.context["chosen"].id, find_topic("navigation"))["deadLetters"]
        shown = re.search(r'data-live="navigation#deadLetters">([^<]*)<', inbox.content.decode())
        assert shown
        assert shown[1] == str(live) == figure


def test_the_cookie_is_for_the_server_only(person: Client, settings: object) -> None:
    settings.SESSION_COOKIE_SECURE = True  # type: ignore[attr-defined] # pytest-django's settings
    cookie = person.get("/admin/?workspace=other").cookies[COOKIE]
    assert (cookie["httponly"], cookie["secure"], cookie["samesite"]) == (True, True, "Lax")
    assert COOKIE not in person.get("/admin/?workspace=other").cookies


@pytest.mark.parametrize("path", ["/admin/", "/admin/performance/"])
def test_it_opens_no_workspace_of_others(db: None, path: str) -> None:
    other = other_workspace()
    viewer = staff_client("mira", "viewer", apps=APPS)
    viewer.cookies[COOKIE] = other.slug
    assert shown(viewer, path) == "default"
    refused = viewer.get(f"{path}?workspace=other")
    assert refused.status_code == 403
    assert COOKIE not in refused.cookies
    assert COOKIE not in viewer.get(f"{TASKS}?workspace=other").cookies


def test_a_role_that_is_lost_is_not_remembered(db: None) -> None:
    other = other_workspace()
    viewer = staff_client("mira", "viewer", apps=APPS)
    member = Membership.objects.get()
    Membership.objects.create(workspace=other, user=member.user, role="viewer")
    viewer.get("/admin/?workspace=other")
    assert shown(viewer, "/admin/") == "other"
    Membership.objects.filter(workspace=other).delete()
    assert (shown(viewer, "/admin/"), counted(viewer, TASKS)) == ("default", "default")


@pytest.mark.parametrize("value", ["", "no-such", "<script>", "\\073", "x" * 4_000])
def test_any_value_of_the_cookie_is_harmless(person: Client, value: str) -> None:
    person.cookies[COOKIE] = value
    assert (shown(person, "/admin/"), counted(person, TASKS)) == ("default", "default")


def test_what_a_page_asks_for_is_no_choice(person: Client) -> None:
    """A tab of another workspace that is open goes on asking for its rows."""
    answer = person.get(f"{TASKS}changes/?workspace=other&ids=")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    assert COOKIE not in answer.cookies
    assert shown(person, "/admin/") == "default"


@pytest.mark.parametrize("path", ["tasks_app/task", "tasks_app/queue", "dlq/deadletter"])
def test_a_list_takes_a_workspace_by_its_id(person: Client, path: str) -> None:
    """As links of live topics and of the API name it."""
    other = other_workspace()
    make_task(workspace=other, queue="theirs", name="their task")
    make_letter(workspace=other, name="their letter")
    make_letter(name="our letter", queue="ours")
    by_id, by_slug = (
        rows_of(person.get(f"/admin/{path}/?workspace={named}").content.decode())
        for named in (other.id, other.slug)
    )
    assert by_id == by_slug
    assert len(by_id) < len(rows_of(person.get(f"/admin/{path}/").content.decode()))


def rows_of(page: str) -> list[str]:
    """The links to the pages of rows."""
    main = page.partition("<main")[2]
    return sorted(set(re.findall(r'href="(/admin/[a-z_]+/[a-z]+/[0-9a-f-]+/change/)"', main)))


def test_links_of_the_inbox_show_the_same_to_somebody_who_has_chosen_another(
    person: Client,
) -> None:
    make_letter(workspace=other_workspace())
    person.get(f"{INBOX}?workspace=other")
    page = person.get(INBOX).content.decode()
    links = re.findall(r'href="(\?[^"]*)"', page.partition("<main")[2])
    assert links
    assert all("workspace=" in link for link in links), links
    assert 'data-shown-workspace="other"' in page
