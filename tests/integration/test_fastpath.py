"""The fast path: a request with a key is answered as Django's middlewares and the REST framework
would answer it."""

import copy
import json
import re
from dataclasses import replace
from io import BytesIO
from typing import IO, Any

import orjson
import pytest
from django.http import HttpResponse
from rest_framework.test import APIClient, ForceAuthClientHandler

from controlplane.core.http.fastpath import FastResponder
from controlplane.core.http.messages import Scope
from tasks_app.models import Task
from tests.integration.routes import ROUTES, Place, Route, content_of, undone

pytestmark = pytest.mark.django_db
# What only Django serves: streams, texts that are not JSON, and its own views.
NOT_TAKEN = {"/metrics", "/api/schema"}
# Ids, seeds, times, figures and tokens, which differ from call to call.
_VARIES = re.compile(
    r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|(?<=stress:)[0-9a-f]{12}"
    r"|tp_[0-9a-z]{8}(_[A-Za-z0-9_-]{43})?"
    r"|(?<=\"token\":\")[^\"]+"  # of a preview
    r"|\d+(\.\d+)?"
)
_OWN_HEADERS = {
    "x-request-id",
    "ratelimit-remaining",
    "ratelimit-reset",
    "content-length",
    "x-undo",
}


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
        path = route.path.partition("?")[0]
        if path in NOT_TAKEN or path.endswith("/export"):
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


Post = tuple[str, Any]  # the value of Authorization, and the body


def scope_of(authorization: str, body: bytes, **headers: str) -> Scope:
    given = {
        "host": "testserver",
        "authorization": authorization,
        "content-type": "application/json",
        "content-length": str(len(body)),
        **headers,
    }
    return {
        "type": "http",
        "method": "POST",
        "path": "/tasks",
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in given.items()],
        "client": ("127.0.0.1", 1),
        "scheme": "http",
    }


def in_order(posts: list[Post], *, together: bool) -> list[tuple[int, Any]]:
    """Status and body of the responses."""
    bodies = [orjson.dumps(body) for _, body in posts]
    asked: list[tuple[Scope, IO[bytes]]] = [
        (scope_of(authorization, body), BytesIO(body))
        for (authorization, _), body in zip(posts, bodies, strict=True)
    ]
    responder = FastResponder()
    assert all(responder.may_share(scope) for scope, _ in asked)
    if together:
        replies = responder.respond_together(asked)
    else:
        replies = [responder.respond(scope, body) for scope, body in asked]
    return [(reply.status, json.loads(reply.body)) for reply in replies if reply is not None]


def test_calls_that_share_a_visit_are_answered_one_by_one(place: Place) -> None:
    def authorization(client: Any) -> str:
        return str(client.defaults["HTTP_AUTHORIZATION"])

    home = authorization(place.key("operator"))
    posts: list[Post] = [
        (home, {"type": "noop"}),
        (home, {"type": "no-such-type"}),
        (home, {"type": "noop", "priority": 1000}),
        (home, {"type": "noop", "tags": ["a"], "delayMs": 60_000}),
        (home, {"type": "noop", "idempotencyKey": "one"}),
        (home, {"type": "noop", "idempotencyKey": "one"}),
        (home, {"type": "noop", "idempotencyKey": "one", "priority": 1}),
        (home, {"type": "noop", "dependsOn": [place.mine["task"]]}),
        (home, {"type": "noop", "dependsOn": [place.theirs["task"]]}),
        (home, {"type": "noop", "queue": "a new one"}),
        (home, []),
        (authorization(place.key("viewer")), {"type": "noop"}),
        (authorization(place.key("operator", away=True)), {"type": "noop", "queue": "secret-new"}),
        ("Bearer nobody", {"type": "noop"}),
    ]
    with undone():
        before = {task.id for task in Task.objects.all()}
        found = in_order(posts, together=True)
        made = {str(task.id): task for task in Task.objects.exclude(id__in=before)}
    with undone():
        plain = in_order(posts, together=False)
    assert [status for status, _ in found] == [status for status, _ in plain]
    assert {status for status, _ in found} == {200, 201, 401, 403, 409, 422}
    for (status, one), (_, other) in zip(found, plain, strict=True):
        assert same(one) == same(other), status
    accepted = [body["id"] for status, body in found if status == 201]
    assert sorted(accepted) == sorted(made)
    away = [str(task.id) for task in made.values() if task.workspace_id == place.away.id]
    assert away == [found[12][1]["id"]]


def same(body: Any) -> Any:
    return json.loads(_VARIES.sub("1", json.dumps(body)))


def test_what_does_not_share_a_visit() -> None:
    responder = FastResponder()
    body = b'{"type": "noop"}'
    assert responder.may_share(scope_of("Bearer x", body))
    assert not responder.may_share(scope_of("Bearer x", body, **{"idempotency-key": "a"}))
    assert not responder.may_share(scope_of("Bearer x", b" " * 20_000))
    assert not responder.may_share(scope_of("Bearer x", body) | {"method": "GET"})
    assert not responder.may_share(scope_of("Bearer x", body) | {"path": "/tasks/bulk"})
