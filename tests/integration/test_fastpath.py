"""The fast path: a request with a key is answered as Django's middlewares and the REST framework
would answer it."""

import copy
import json
import re
from dataclasses import replace
from typing import Any

import pytest
from django.http import HttpResponse
from rest_framework.test import APIClient, ForceAuthClientHandler

from tests.integration.routes import ROUTES, Place, Route, content_of, undone

pytestmark = pytest.mark.django_db
# What only Django serves: streams, texts that are not JSON, and its own views.
NOT_TAKEN = {"/tasks/export", "/metrics", "/api/schema"}
# Ids, seeds, times and figures, which differ from call to call.
_VARIES = re.compile(
    r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|(?<=stress:)[0-9a-f]{12}"
    r"|tp_[0-9a-z]{8}(_[A-Za-z0-9_-]{43})?|\d+(\.\d+)?"
)
_OWN_HEADERS = {"x-request-id", "ratelimit-remaining", "ratelimit-reset", "content-length"}


@pytest.fixture
def place(db: None) -> Place:
    return Place()


def slow(client: APIClient) -> APIClient:
    """The same key, served by Django."""
    twin = copy.copy(client)
    twin.handler = ForceAuthClientHandler()
    return twin


def is_taken(response: Any) -> bool:
    return getattr(response, "taken", "") == "fast"


def seen(response: HttpResponse) -> tuple[int, dict[str, str], Any]:
    """Status, headers and content, without what differs from call to call."""
    headers = {
        name.lower(): value
        for name, value in response.headers.items()
        if name.lower() not in _OWN_HEADERS
    }
    text = _VARIES.sub("1", content_of(response).decode())
    is_json = "json" in headers.get("content-type", "")
    return response.status_code, headers, json.loads(text) if is_json and text else text


def ask(place: Place, client: APIClient, route: Route, *, theirs: bool) -> HttpResponse:
    with undone():
        place.clear_way(route)
        response = place.send(client, route, theirs=theirs)
        content_of(response)
    return response


def differences(
    place: Place, client: APIClient, route: Route, *, theirs: bool = False
) -> list[str]:
    """The parts that differ between the paths."""
    fast = ask(place, client, route, theirs=theirs)
    plain = ask(place, slow(client), route, theirs=theirs)
    assert is_taken(fast), route
    assert not is_taken(plain)
    return [
        f"{route}: {a!r} != {b!r}" for a, b in zip(seen(fast), seen(plain), strict=True) if a != b
    ]


def with_odd_input(route: Route) -> Route:
    """A query that no list takes, a body that no resource has."""
    if route.method == "get":
        mark = "&" if "?" in route.path else "?"
        return replace(route, path=f"{route.path}{mark}limit=x&odd=1")
    return replace(route, body={"odd": 1})


@pytest.mark.parametrize("kind", ["allowed", "no scope", "small role", "not theirs", "odd input"])
def test_both_paths_respond_alike(place: Place, kind: str) -> None:
    wrong: list[str] = []
    for route in ROUTES:
        if route.path.partition("?")[0] in NOT_TAKEN:
            continue
        allowed = place.key(route.role, route.scopes)
        match kind:
            case "allowed":
                wrong += differences(place, allowed, route)
            case "no scope":
                wrong += differences(place, place.key("admin", ("nothing:read",)), route)
            case "small role":
                wrong += differences(place, place.key("viewer"), route)
            case "not theirs":
                wrong += differences(place, allowed, route, theirs=True)
            case _:
                wrong += differences(place, allowed, with_odd_input(route))
    assert not wrong, "\n".join(wrong)
