"""Lists: every row exactly once, by page and by cursor, in every order."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from controlplane.core import cursors
from controlplane.core.clock import now
from controlplane.workspaces.models import AuditEvent
from controlplane.workspaces.services import prune_audit
from tests.clients import default_workspace, key_client, other_workspace

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.integration.core.urls")]

PATH = "/audit-list"


@pytest.fixture
def client() -> APIClient:
    made = key_client()
    clear_events()
    return made


def clear_events() -> None:
    """The events of the set-up are in the way."""
    prune_audit(before=now() + timedelta(days=1))


def make_events(count: int, workspace: Any = None) -> list[str]:
    """Events, oldest first; few actions and times, so that ids have to break ties."""
    at = now()
    made = AuditEvent.objects.bulk_create(
        AuditEvent(
            workspace=workspace or default_workspace(),
            actor_kind="system",
            actor_label="test",
            action=f"a{number % 3}",
            target_type="thing",
            target_id=str(number),
            created_at=at - timedelta(seconds=number % 4),
        )
        for number in range(count)
    )
    return [str(event.id) for event in made]


def get(client: APIClient, **params: Any) -> dict[str, Any]:
    response = client.get(PATH, params)
    assert response.status_code == 200, response.content
    body: dict[str, Any] = response.json()
    return body


def ids(body: dict[str, Any]) -> list[str]:
    return [row["id"] for row in body["data"]]


def test_pages(client: APIClient) -> None:
    made = make_events(25)[::-1]
    first = get(client, limit=10)
    assert ids(first) == made[:10]
    assert {k: first[k] for k in ("page", "limit", "total", "totalIsEstimate")} == {
        "page": 1,
        "limit": 10,
        "total": 25,
        "totalIsEstimate": False,
    }
    third = get(client, limit=10, page=3)
    assert ids(third) == made[20:]
    assert third["nextCursor"] is None
    assert ids(get(client, limit=10, page=4)) == []
    assert get(client)["limit"] == 20


@pytest.mark.parametrize("sort", ["createdAt", "-createdAt", "action", "-action", "at", "-at"])
def test_cursors_visit_every_row_once_in_order(client: APIClient, sort: str) -> None:
    make_events(23)
    column = {"createdAt": "id", "action": "action", "at": "created_at"}[sort.removeprefix("-")]
    sign = "-" if sort.startswith("-") else ""
    order = [sign + column, sign + "id"]
    expected = [str(i) for i in AuditEvent.objects.order_by(*order).values_list("id", flat=True)]
    seen, page = [], get(client, limit=5, sort=sort)
    for number in range(1, 6):
        assert page["page"] == number
        assert page["total"] == 23
        seen += ids(page)
        if page["nextCursor"] is None:
            break
        page = get(client, limit=5, sort=sort, cursor=page["nextCursor"])
    assert seen == expected


def test_a_cursor_holds_while_rows_arrive(client: APIClient) -> None:
    made = make_events(10)[::-1]
    page = get(client, limit=5)
    make_events(10)
    assert ids(get(client, limit=5, cursor=page["nextCursor"])) == made[5:]


def test_a_cursor_reaches_nobody_elses_rows(client: APIClient) -> None:
    make_events(10)
    cursor = get(client, limit=5)["nextCursor"]
    other = other_workspace()
    stranger = key_client(workspace=other)
    clear_events()
    make_events(3, other)
    assert {row["targetId"] for row in get(stranger, cursor=cursor)["data"]} <= {"0", "1", "2"}
    assert get(client)["total"] == 0


def test_totals_are_estimated_beyond_what_is_cheap(
    client: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_events(30)
    monkeypatch.setattr(cursors, "EXACT_TOTAL", 10)
    page = get(client, limit=5)
    assert page["totalIsEstimate"] is True
    assert page["total"] >= 11
    monkeypatch.setattr(cursors, "EXACT_TOTAL", 30)
    assert get(client, limit=5)["total"] == 30


WRONG = [
    ({"page": "0"}, "page"),
    ({"page": "-1"}, "page"),
    ({"page": "x"}, "page"),
    ({"page": "1.5"}, "page"),
    ({"page": "9" * 5_000}, "page"),
    ({"page": "\u0661"}, "page"),
    ({"page": "2", "limit": "200"}, None),
    ({"page": "52", "limit": "200"}, "page"),
    ({"limit": "0"}, "limit"),
    ({"limit": "201"}, "limit"),
    ({"sort": "payload"}, "sort"),
    ({"sort": "--createdAt"}, "sort"),
    ({"sort": "workspace__slug"}, "sort"),
    ({"cursor": "x"}, "cursor"),
    ({"cursor": "x" * 10_000}, "cursor"),
    ({"cursor": "\x00"}, "cursor"),
    ({"cursor": "bnVsbA"}, "cursor"),
    ({"cursor": "WyItY3JlYXRlZEF0IixudWxsLG51bGwsMV0"}, "cursor"),
]


@pytest.mark.parametrize(("params", "field"), WRONG)
def test_wrong_parameters_are_named(
    client: APIClient, params: dict[str, str], field: str | None
) -> None:
    response = client.get(PATH, params)
    if field is None:
        assert response.status_code == 200
        return
    assert response.status_code == 422
    assert [e["field"] for e in response.json()["errors"]] == [field]


def test_a_deep_page_says_what_to_use_instead(client: APIClient) -> None:
    assert "cursor" in client.get(PATH, {"page": 502}).json()["detail"]


def test_a_cursor_of_another_order_is_refused(client: APIClient) -> None:
    make_events(5)
    cursor = get(client, limit=2, sort="at")["nextCursor"]
    response = client.get(PATH, {"sort": "-at", "cursor": cursor})
    assert response.status_code == 422
    assert "another `sort`" in response.json()["detail"]


def test_no_parameter_is_a_500(client: APIClient) -> None:
    @settings(max_examples=100, deadline=None)
    @given(cursor=st.text(max_size=40), page=st.text(max_size=5), limit=st.text(max_size=5))
    def fuzz(cursor: str, page: str, limit: str) -> None:
        response = client.get(PATH, {"cursor": cursor, "page": page, "limit": limit})
        assert response.status_code in (200, 422)

    fuzz()


def test_a_list_of_one_page_costs_two_queries(
    client: APIClient, django_assert_num_queries: Any
) -> None:
    make_events(30)
    get(client)
    with django_assert_num_queries(2):
        get(client)
    with django_assert_num_queries(1):
        get(client, limit=200)
