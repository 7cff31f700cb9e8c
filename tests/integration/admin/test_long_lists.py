"""Django's lists of records, where there are more rows than are counted."""

import re
from collections.abc import Iterator
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from controlplane.core import cursors
from controlplane.core.admin import lists
from controlplane.core.clock import now
from tasks_app.admin.records import IdempotencyKeyAdmin
from tasks_app.models import IdempotencyKey
from tests.clients import default_workspace
from tests.factories import make_scaling_event

pytestmark = pytest.mark.django_db
KEYS = reverse("admin:tasks_app_idempotencykey_changelist")
_ROWS = 7


@pytest.fixture(autouse=True)
def short_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lists of more than four rows are long; a page has two."""
    monkeypatch.setattr(cursors, "EXACT_TOTAL", 4)
    monkeypatch.setattr(lists, "EXACT_TOTAL", 4)
    monkeypatch.setattr(IdempotencyKeyAdmin, "list_per_page", 2)


def make_keys(number: int) -> list[str]:
    """Stored answers; their keys, newest first."""
    before = IdempotencyKey.objects.count()
    for each in range(before, before + number):
        IdempotencyKey.objects.create(
            workspace_id=default_workspace().id,
            key=f"t-{each}",
            body_hash=b"x" * 32,
            answer={},
            expires_at=now(),
        )
    return [f"t-{each}" for each in reversed(range(number))]


def shown(page: str) -> list[str]:
    return re.findall(r'class="field-key"><a [^>]*>([^<]*)<', page)


def link(page: str, rel: str) -> str:
    found = re.search(rf'rel="{rel}" href="([^"]*)"', page)
    return unescape(found[1]) if found else ""


def follow(root: Client, rel: str, query: str = "") -> Iterator[str]:
    """The pages from one on."""
    while True:
        page = root.get(KEYS + query).content.decode()
        yield page
        query = link(page, rel)
        if not query:
            return


@pytest.mark.parametrize("order", ["", "?o=2", "?o=1"])
def test_the_pages_of_a_long_list_show_every_row_once(root: Client, order: str) -> None:
    targets = make_keys(_ROWS)
    if order == "?o=2":  # the time; nothing sorts the column before it
        targets.reverse()
    pages = list(follow(root, "next", order))
    assert [each for page in pages for each in shown(page)] == targets
    assert link(pages[0], "prev") == ""
    back = list(follow(root, "prev", link(pages[-2], "next")))
    assert shown(back[-1]) == targets[:2]


def test_a_long_list_says_that_its_number_is_an_estimate(root: Client) -> None:
    make_keys(3)
    page = root.get(KEYS).content.decode()
    assert "≈" not in page
    assert "3 idempotency keys" in page
    make_keys(3)
    assert "≈" in root.get(KEYS).content.decode()


def test_a_short_list_has_numbered_pages(root: Client) -> None:
    targets = make_keys(4)
    assert shown(root.get(f"{KEYS}?p=2").content.decode()) == targets[2:]
    assert link(root.get(KEYS).content.decode(), "next") == ""


def test_a_list_with_an_order_of_its_own_is_paged_behind_a_row(root: Client) -> None:
    for number in range(60):
        make_scaling_event(ago=60 - number, sentence=f"decision {number:02}")
    address = reverse("admin:scaling_scalingevent_changelist")
    first = root.get(address).content.decode()
    second = root.get(address + link(first, "next")).content.decode()
    assert "decision 59" in first
    assert "decision 09" in second
    assert "decision 10" not in second
    assert (link(first, "prev"), link(second, "next")) == ("", "")
    assert link(second, "prev")


@pytest.mark.parametrize("place", ["after:nothing", "before:WyJ4Il0", "3000"])
def test_a_page_that_does_not_exist_leads_to_the_list(root: Client, place: str) -> None:
    make_keys(_ROWS)
    answer = root.get(KEYS, {"p": place})
    assert answer.status_code == 302
    assert answer["Location"].endswith("?e=1")


def test_a_search_that_takes_too_long_says_so(
    root: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_keys(_ROWS)
    get_queryset = IdempotencyKeyAdmin.get_queryset

    def slowly(self: Any, request: Any) -> Any:
        return get_queryset(self, request).extra(where=["pg_sleep(0.2) IS NOT NULL"])

    monkeypatch.setattr(IdempotencyKeyAdmin, "get_queryset", slowly)
    monkeypatch.setattr(lists, "_SECONDS", 0.1)
    for query in ({}, {"q": "t-1"}):
        page = root.get(KEYS, query).content.decode()
        assert "takes more than 0.1 s" in page
        assert shown(page) == []
        # It is not known that there are none.
        assert "The list could not be read." in page
        for words in ("0 idempotency keys", "0 results", "There are no", "No idempotency key"):
            assert words not in page, words


def test_a_filter_lists_the_values_of_the_newest_rows(
    root: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    for rule in ("forecast", "wait", "load"):
        make_scaling_event(rule=rule)
    monkeypatch.setattr(lists, "_NEWEST", 2)
    address = reverse("admin:scaling_scalingevent_changelist")
    page = root.get(address).content.decode()
    assert [name in page for name in ("?rule=load", "?rule=wait", "?rule=forecast")] == [
        True,
        True,
        False,
    ]
    # One that an address names is shown as chosen.
    chosen = root.get(f"{address}?rule=forecast").content.decode()
    assert re.search(r'class="selected"><a href="\?rule=forecast"', chosen)
