"""The frame around every page, and the pages after an error."""

import re
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client, RequestFactory

from controlplane.core.http.problems import handler404, handler500
from tests.clients import default_workspace, other_workspace, staff_client
from tests.factories import make_node, make_queue

HTML = {"Accept": "text/html,application/xhtml+xml"}
APPS = [
    "tasks_app",
    "dlq",
    "workers",
    "workflows",
    "schedules",
    "scaling",
    "stress",
    "operations",
    "workspaces",
]
FIRST = "/admin/tasks_app/queue/"


def text_of(client: Client, path: str = FIRST, **options: Any) -> str:
    return client.get(path, headers=HTML, **options).content.decode()


@pytest.fixture
def viewer(db: None) -> Client:
    return staff_client("mira", "viewer", apps=APPS)


class TestPerson:
    def test_a_member_sees_their_name_role_and_workspace(self, viewer: Client) -> None:
        page = text_of(viewer)
        assert ">mira</strong>" in page
        assert "<span>viewer</span>" in page
        assert default_workspace().name in page
        assert "?workspace=" not in page

    def test_a_superuser_of_several_sees_all_of_them(self, root: Client) -> None:
        other_workspace()
        page = text_of(root)
        assert "superuser" in page
        assert "All workspaces" in page
        assert 'href="/admin/?workspace=other"' in page
        assert "All workspaces" not in text_of(root, "/admin/dlq/deadletter/?workspace=other")

    def test_somebody_without_a_role_sees_no_entries_of_apps(self, db: None) -> None:
        client = staff_client("nobody", apps=APPS)
        page = text_of(client, "/admin/")
        assert 'href="/admin/tasks_app/task/"' not in page
        assert "no role" in page
        assert 'role="search"' not in page

    def test_a_name_is_text(self, db: None) -> None:
        client = staff_client("<b>x</b>", "viewer", apps=APPS)
        assert "<b>x</b>" not in text_of(client)


class TestFrame:
    def test_the_current_entry_is_marked_once_in_each_bar(self, viewer: Client) -> None:
        page = text_of(viewer)
        assert page.count('aria-current="page" title="Queues"') == 1
        assert page.count('aria-current="page" title=') == 1

    def test_nothing_is_inline(self, viewer: Client) -> None:
        page = text_of(viewer)
        assert "<style" not in page
        assert " style=" not in page
        assert " onclick=" not in page
        assert all(" src=" in part[:80] for part in page.split("<script")[1:])

    def test_the_badge_names_the_environment(self, viewer: Client, settings: Any) -> None:
        settings.TASKPLANE = {
            **settings.TASKPLANE,
            "ENVIRONMENT_NAME": "<production>",
            "ENVIRONMENT_COLOUR": "red",
        }
        assert 'class="environment red" title="Environment">&lt;production&gt;<' in text_of(viewer)

    def test_the_frame_costs_a_few_queries(
        self, viewer: Client, django_assert_max_num_queries: Any
    ) -> None:
        with django_assert_max_num_queries(8):
            text_of(viewer, "/admin/records/")


class TestAddresses:
    @pytest.mark.parametrize("path", ["/", "/dashboard.html"])
    def test_the_first_addresses_lead_to_the_overview(self, client: Client, path: str) -> None:
        answer = client.get(path, headers=HTML)
        assert (answer.status_code, answer["Location"]) == (302, "/admin/")

    def test_the_icon_is_found(self, client: Client) -> None:
        answer = client.get("/favicon.ico")
        assert (answer.status_code, answer["Location"]) == (302, "/static/dashboard/favicon.svg")


class TestErrors:
    def test_a_member_learns_who_they_are_and_where_to_go(self, viewer: Client) -> None:
        answer = viewer.get("/admin/no/such/<i>", headers=HTML)
        page = answer.content.decode()
        assert answer.status_code == 404
        assert "You are logged in as mira (viewer)." in page
        assert "&lt;i&gt;" in page
        assert 'href="/admin/dlq/lettergroup/"' in page

    def test_a_user_who_is_no_staff_is_led_to_the_login(self, client: Client, db: None) -> None:
        staff = staff_client("plain", apps=[])
        user = staff.session["_auth_user_id"]
        get_user_model().objects.filter(pk=user).update(is_staff=False)
        page = text_of(staff, "/no/such/page")
        assert "plain, who may not use these pages" in page
        assert "Log in as somebody else" in page

    def test_programs_still_get_problems(self, client: Client) -> None:
        answer = client.get("/no/such/page")
        assert answer["Content-Type"] == "application/problem+json"

    def test_a_form_without_a_token_is_explained(self, db: None) -> None:
        client = Client(enforce_csrf_checks=True)
        answer = client.post("/admin/login/", {"username": "x"}, headers=HTML)
        assert answer.status_code == 403
        assert "The form is too old" in answer.content.decode()

    def test_a_form_that_is_too_large_is_explained(self, db: None) -> None:
        fields = {f"f{number}": "1" for number in range(2_000)}
        client = Client(enforce_csrf_checks=True)
        client.cookies["csrftoken"] = "x" * 32
        answer = client.post("/admin/login/", fields, headers=HTML)
        assert answer.status_code == 400
        assert "This request cannot be understood" in answer.content.decode()

    def test_an_error_before_the_log_in_is_known_has_a_page(self, db: None) -> None:
        answer = handler404(RequestFactory().get("/x", headers=HTML))
        assert answer.status_code == 404
        assert b"You are not logged in." in answer.content

    def test_the_page_of_a_failure_needs_no_database(
        self, viewer: Client, django_assert_num_queries: Any
    ) -> None:
        with django_assert_num_queries(0):
            answer = handler500(RequestFactory().get("/admin/", headers=HTML))
        assert answer.status_code == 500
        assert b"This page has failed" in answer.content


class TestPolicy:
    def test_pages_allow_nothing_inline_and_no_other_host(self, viewer: Client) -> None:
        policy = viewer.get(FIRST)["Content-Security-Policy"]
        assert policy.startswith("default-src 'none';")
        assert "unsafe" not in policy
        assert "//" not in policy

    def test_the_reference_of_the_api_keeps_its_own(self, root: Client) -> None:
        answer = root.get("/api/docs", headers=HTML)
        assert "'unsafe-inline'" in answer["Content-Security-Policy"]
        assert "Content-Security-Policy-Report-Only" not in answer


@pytest.mark.parametrize(
    "address",
    [
        "/admin/",
        "/admin/performance/?span=6h",
        "/admin/tasks_app/queue/?sort=name",
        "/admin/tasks_app/queue/{queue}/change/",
        "/admin/workers/node/",
        "/admin/workers/node/{node}/change/",
        "/admin/scaling/pool/",
        "/admin/dlq/lettergroup/",
    ],
)
def test_a_page_that_is_not_live_in_all_parts_says_how_old_it_is(
    root: Client, address: str
) -> None:
    path = address.format(queue=make_queue("mail").pk, node=make_node().pk)
    page = text_of(root, path)
    found = re.findall(r'As of [\d:]{8} UTC, <time [^>]*data-tick="ago">now</time>', page)
    assert len(found) == 1
    assert f'<a href="{path}">Reload</a>' in page


def test_what_answers_a_form_has_no_address_to_reload(root: Client) -> None:
    page = root.post("/admin/scaling/pool/scale/", {"workers": "x"}, headers=HTML).content.decode()
    assert "As of " in page
    assert ">Reload</a>" not in page
