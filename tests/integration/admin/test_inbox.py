"""The failure inbox, and the page of a group."""

import html
import re
from typing import Any
from urllib.parse import parse_qs

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

import tests.handlers  # noqa: F401 - registers the test types
from controlplane.workspaces.actors import SYSTEM
from dlq import discard
from dlq.admin import inboxrows
from dlq.admin.groupwords import describe_state
from dlq.models import LetterGroup
from dlq.queries.groups import describe_groups
from tests.clients import default_workspace, other_workspace, staff_user
from tests.factories import make_error, make_letter
from tests.integration.admin.inboxpages import (
    HOSTILE,
    INBOX,
    group_of,
    keep_up,
    login,
    page,
    post,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator(db: None) -> Client:
    return login("op", "operator")


@pytest.fixture
def viewer(db: None) -> Client:
    return login("eve", "viewer")


def tabs(text: str) -> dict[str, str]:
    found = re.findall(r'>([A-Z][^<]*?) <span class="tab-count">(\d+)<', text)
    return dict(found)


def test_the_list_and_its_views(operator: Client) -> None:
    first = make_letter(make_error(f"order 1 {HOSTILE}"), name="charge")
    make_letter(make_error(f"order 2 {HOSTILE}"))
    make_letter(make_error(name="OSError", category="NETWORK"), type="test-raise")
    make_letter(make_error(name="TheirsError"), workspace=other_workspace())
    for _ in range(2):
        found = page(operator)
        assert "2 groups are still yours." in found
        assert "2 groups, 3 open letters" in found
        assert "order … &lt;script&gt;alert(…)&lt;/script&gt;" in found
        assert HOSTILE not in found
        assert "TheirsError" not in found
        keep_up()
    assert tabs(found)["Still mine"] == "2"
    post(operator, group_of(first), "decide", do="acknowledge")
    assert tabs(page(operator)) == {
        "Still mine": "2", "Open": "1", "Regressed": "0", "Acknowledged": "1", "Muted": "0",
        "Resolved, 7 days": "0", "All": "2",
    }  # fmt: skip
    found = page(operator, view="acknowledged")
    assert "order …" in found
    assert "OSError" not in found
    assert "OSError" in page(operator, q="oserr")
    assert "0 groups match" in page(operator, view="all", category="TIMEOUT")
    assert "OSError" not in page(operator, view="all", version="0.0.0")
    for odd in ({"q": "a\x00"}, {"after": "bogus"}, {"group": "bogus"}, {"view": "bogus"}):
        assert operator.get(INBOX, odd).status_code == 200


def test_an_open_inbox_asks_for_its_rows_and_for_new_groups(operator: Client) -> None:
    first = group_of(make_letter(make_error(HOSTILE), name="charge"))
    theirs = group_of(make_letter(workspace=other_workspace()))
    text = page(operator)
    (found,) = re.findall(r'data-changes="([^"]*)"', text)
    query_of_page = html.unescape(found).partition("?")[2]

    def ask(*groups: LetterGroup, **params: str) -> Any:
        query = {**parse_qs(query_of_page), "ids": ",".join(str(each.id) for each in groups)}
        return operator.get(f"{INBOX}changes/", {**query, **params})

    assert ask(first, theirs).json() == {
        "newer": "",
        "rows": {
            str(first.id): {
                "version": 0,
                "symbol": "state-failed",
                "tone": "tone-failed",
                "word": "Open",
                "since": describe_state(describe_groups([first])[0]),
                "owner": None,
                "ticket": "",
            }
        },
    }
    post(operator, first, "decide", do="own", ticket="")
    post(operator, first, "decide", do="change", ticket="https://tickets.test/", note="")
    found = ask(first).json()["rows"][str(first.id)]
    assert (found["owner"]["words"], found["version"]) == ("you", 2)
    assert found["ticket"] == {"url": "https://tickets.test/", "text": "tickets.test"}
    second = group_of(make_letter(make_error(name="OSError"), type="test-raise"))
    assert ask(first).json()["newer"] == "1"
    assert ask(first, second).json()["newer"] == ""
    LetterGroup.objects.filter(id=second.id).update(owner=staff_user("operator", name="bob"))
    assert ask(first).json()["newer"] == ""
    assert ask(first, view="all").json()["newer"] == "1"
    assert ask(first, view="all", q="nothing like it").json()["newer"] == ""
    LetterGroup.objects.filter(id=second.id).update(owner=None)
    post(operator, second, "decide", do="acknowledge")
    assert ask(first).json()["newer"] == "1"
    undrawn = [*range(inboxrows.PAGE + 1)]
    for number in undrawn:
        make_letter(make_error(name=f"Error{number}"))
    text = page(operator, after=re.findall(r'after=([^"]+)"', page(operator))[0])
    assert "since=" not in re.findall(r'data-changes="([^"]*)"', text)[0]
    assert "new-groups" not in text
    for odd in ("", "yesterday", "2026-01-01"):
        answer = ask(first, since=odd)
        assert (answer.status_code, "since" in answer.json()["problem"]) == (422, True)
    assert ask(workspace=other_workspace().slug).status_code == 403


def test_pages_of_the_list(operator: Client) -> None:
    for number in range(60):
        make_letter(make_error(f"failure {chr(65 + number // 26)}{chr(97 + number % 26)}"))
    found = page(operator)
    assert found.count("data-group=") == 50
    cursor = re.search(r"after=([\w-]+)", found)
    assert cursor is not None
    assert page(operator, after=cursor[1]).count("data-group=") == 10


def test_one_group(operator: Client) -> None:
    letter = make_letter(make_error(HOSTILE), name=HOSTILE, payload={"gateway": "eu-1", "n": 1})
    make_letter(make_error(HOSTILE), payload={"gateway": HOSTILE, "n": 2})
    for found in (
        page(operator, f"{INBOX}{letter.id}/change/"),
        page(operator, group=str(letter.id)),
    ):
        assert HOSTILE not in found
        for words in ("What changed before it", "What differs among 2 payloads", "eu-1", "Mute…"):
            assert words in found
        assert f"/admin/dlq/deadletter/{letter.id}/change/" in found
    theirs = make_letter(workspace=other_workspace())
    assert operator.get(f"{INBOX}{theirs.id}/change/").status_code == 302


def test_a_viewer_sees_and_cannot_act(viewer: Client) -> None:
    group = group_of(make_letter())
    found = page(viewer, group=str(group.id))
    assert "You can look" in found
    assert "data-key-verb" not in found
    assert "Mute…" not in found
    for path in ("decide", "mute", "discard", "reprocess"):
        answer = viewer.post(f"{INBOX}{group.id}/{path}/", {"do": "acknowledge", "reason": "x"})
        assert answer.status_code == 403
    assert LetterGroup.objects.get().version == 0


def test_the_way_back_stays_on_this_site(operator: Client) -> None:
    group = group_of(make_letter())
    for address in ("https://evil.example/", "//evil.example/", "javascript:alert(1)"):
        answer = operator.post(f"{INBOX}{group.id}/decide/", {"do": "acknowledge", "next": address})
        assert answer.headers["Location"] == f"{INBOX}{group.id}/change/"


def test_the_number_of_queries_does_not_grow(operator: Client) -> None:
    counts = []
    for number in range(2):
        for each in range(1 + 9 * number):
            letter = make_letter(make_error(f"failure {chr(97 + number)}{chr(97 + each)}"))
        discard.discard_letter(
            workspace_id=default_workspace().id, letter_id=letter.id, reason="x", actor=SYSTEM
        )
        make_letter()
        keep_up()
        group = LetterGroup.objects.filter(letters__gt=0).first()
        assert group is not None
        with CaptureQueriesContext(
            connection,
        ) as queries:
            page(operator, view="all", group=str(group.id))
        counts.append(len(queries))
    assert counts[0] == counts[1]
    assert counts[1] <= 45


@pytest.mark.parametrize("name", ["slug", "id"])
def test_it_shows_the_workspace_that_was_chosen_and_exports_that(name: str) -> None:
    root, other = login("root", is_superuser=True), other_workspace()
    make_letter(make_error("fresh"), workspace=other)
    assert "fresh" not in page(root)
    assert "fresh" in page(root, workspace=str(getattr(other, name)))
    answer = root.get(INBOX)
    assert "fresh" in answer.content.decode()
    menu = answer.context["export"]
    assert (menu.workspaces, dict(menu.hidden)["workspace"]) == ((), "other")
    assert "fresh" not in page(root, workspace="default")
    assert root.get(INBOX, {"workspace": "no-such"}).status_code == 403
