"""Every address of the site is a page that the browser tests look at, or no page. Those outside
the site are the API's: see tests/integration/test_routes.py."""

from collections.abc import Iterator

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.test import RequestFactory
from django.urls import resolve

import controlplane.urls  # noqa: F401 - with it the pages of the admin are imported
from benchmarks.dashboard.addresses import list_names
from tests.browser.pages import MORE_PAGES, PAGES, Case
from tests.integration.admin.test_budgets import NO_PAGES

CASES = [*PAGES, *MORE_PAGES]
# Without a bound for their statements, but pages.
UNBOUNDED = {"app_list", "login", "password_change_done"}
DATA = {
    "dlq_lettergroup_changes",
    "tasks_app_task_changes",
    "tasks_app_task_list_changes",
    "workspaces_auditevent_newer",
}
# What is no page: it takes a POST or leads to another page, answers with JSON or a file, or is the
# history of a record, which leads to the audit log or looks like that of a user.
EXCEPTIONS = {*(NO_PAGES - UNBOUNDED), *DATA}
EXCEPTED_ENDS = ("_export", "_history")


def name_of(case: Case) -> str | None:
    """The name of the URL that the case opens; the unknown addresses have none."""
    if not case.address.startswith("/"):
        return case.address
    return resolve(case.address).url_name if case.status == 200 else None


def list_forms_of_nobody() -> Iterator[str]:
    """Forms that a superuser is refused, as everybody is."""
    request = RequestFactory().get("/")
    request.user = get_user_model()(is_active=True, is_staff=True, is_superuser=True)
    for model, pages in admin.site._registry.items():
        name = model._meta.label_lower.replace(".", "_")
        if not pages.has_add_permission(request):
            yield f"{name}_add"
        if not pages.has_delete_permission(request):
            yield f"{name}_delete"


def test_every_page_of_the_site_is_looked_at() -> None:
    looked_at = {name_of(case) for case in CASES}
    excepted = EXCEPTIONS | set(list_forms_of_nobody())
    missing = {
        name for name in list_names() - looked_at - excepted if not name.endswith(EXCEPTED_ENDS)
    }
    assert not missing, f"without a line in tests/browser/pages.py: {sorted(missing)}"


def test_what_is_excepted_is_there_and_not_looked_at() -> None:
    looked_at = {name_of(case) for case in CASES}
    assert EXCEPTIONS - list_names() == set()
    assert EXCEPTIONS & looked_at == set()


def test_each_case_has_a_name_of_its_own() -> None:
    names = [case.name for case in CASES]
    assert sorted(names) == sorted(set(names))
