"""Searches of the list of tasks that no index serves."""

import re
from html import unescape

import pytest
from django.test import Client
from django.urls import reverse

from tasks_app.admin import listpage
from tasks_app.queries import searchwindow
from tests.factories import make_task

pytestmark = pytest.mark.django_db
TASKS = reverse("admin:tasks_app_task_changelist")


@pytest.fixture(autouse=True)
def short_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searchwindow, "LOOKED_AT_ONCE", 3)
    monkeypatch.setattr(listpage, "LOOKED_AT_ONCE", 3)


def follow(root: Client, query: str) -> list[str]:
    """The pages of a search, until one has no way on."""
    pages = []
    while query:
        pages.append(root.get(TASKS + query).content.decode())
        found = re.search(r'rel="next" href="([^"]*)"', pages[-1])
        query = unescape(found[1]) if found else ""
    return pages


@pytest.mark.parametrize("query", ["?search=wanted", "?payload.order=7"])
def test_a_search_looks_at_some_tasks_for_a_page_and_finds_all(root: Client, query: str) -> None:
    for number in range(8):
        is_wanted = number in (0, 1, 6)
        name, payload = (f"wanted-{number}", {"order": 7}) if is_wanted else ("other", {})
        make_task(name=name, payload=payload)
    pages = follow(root, query)
    assert len(pages) == 3
    names = [sorted(set(re.findall(r"wanted-\d", page))) for page in pages]
    assert names == [["wanted-6"], [], ["wanted-0", "wanted-1"]]
    assert "the next page looks further" in pages[0]
    assert "None of 3 tasks matches." in pages[1]
    assert "Look further back" in pages[1]


def test_a_search_that_an_index_serves_looks_at_all(root: Client) -> None:
    old = make_task("FAILED", name="wanted-0")
    for _ in range(5):
        make_task()
    assert len(follow(root, "?search=wanted&status=FAILED")) == 1
    assert len(follow(root, f"?search=wanted&id={old.id}")) == 1


def test_what_was_made_later_is_not_looked_at(root: Client) -> None:
    for _ in range(5):
        make_task()
    assert len(follow(root, "?search=nothing&createdBefore=1h")) == 1
