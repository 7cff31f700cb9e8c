"""Statements of lists that are composed once: what they list is what matches now."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from tasks_app.filters import TaskFilter
from tasks_app.queries import lists, pages
from tests.clients import key_client, other_workspace
from tests.factories import make_task

pytestmark = pytest.mark.django_db


def names(client: APIClient, **params: Any) -> list[str]:
    answer = client.get("/tasks", params)
    assert answer.status_code == 200, answer.content
    return [row["name"] for row in answer.json()["data"]]


@pytest.fixture(autouse=True)
def empty() -> None:
    """No statement is kept from another test."""
    lists._compose_once.cache_clear()
    pages._compose_once.cache_clear()


@pytest.mark.parametrize("filters", [{}, {"status": "PENDING"}, {"tag": "red"}, {"search": "a"}])
def test_a_second_list_shows_what_has_come(client: APIClient, filters: dict[str, str]) -> None:
    make_task(name="a", tags=["red"])
    assert names(client, **filters) == ["a"]
    make_task(name="ab", tags=["red"])
    make_task("COMPLETED", name="c", tags=["blue"])
    everything = ["c", "ab", "a"] if not filters else ["ab", "a"]
    assert names(client, **filters) == everything
    assert names(client, **filters, limit=1, page=2) == [everything[1]]


@pytest.mark.parametrize(
    ("filters", "kept"),
    [
        ({}, 1),
        ({"status": "FAILED"}, 1),
        ({"tag": "red"}, 1),
        ({"queue": "mail"}, 0),
        ({"payload.a": "1"}, 0),
        ({"createdAfter": "1h"}, 0),
        ({"search": "a"}, 0),
    ],
)
def test_what_is_likely_to_come_again_is_kept(
    client: APIClient, filters: dict[str, str], kept: int
) -> None:
    for _ in range(2):
        names(client, **filters)
    for compose in (lists._compose_once, pages._compose_once):
        assert compose.cache_info().hits >= kept
        assert compose.cache_info().currsize == kept


def test_a_large_filter_is_not_kept() -> None:
    assert TaskFilter(types=("a" * 1_000,)).is_kept
    assert not TaskFilter(types=("a" * 500, "b" * 501)).is_kept


def test_another_workspace_has_a_statement_of_its_own(client: APIClient) -> None:
    make_task(name="here")
    make_task(name="there", workspace=other_workspace())
    theirs = key_client(workspace=other_workspace())
    for _ in range(2):
        assert names(client) == ["here"]
        assert names(theirs) == ["there"]


def test_a_type_that_becomes_internal_is_left_out(
    client: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_task(name="join")
    assert names(client) == ["join"]
    monkeypatch.setattr(lists, "internal_types", lambda: ("noop",))
    assert names(client) == []
    assert names(client, internal="true") == ["join"]


def test_a_queue_that_is_made_later_is_found(client: APIClient) -> None:
    assert names(client, queue="mail") == []
    make_task(name="letter", queue="mail")
    assert names(client, queue="mail") == ["letter"]
