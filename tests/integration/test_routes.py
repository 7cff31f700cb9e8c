"""All routes in one table: who may call each, and that it shows and changes nothing of others."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.urls import URLResolver, get_resolver
from rest_framework.test import APIClient

from controlplane.workspaces.models import ApiKey, AuditEvent, Workspace
from scaling.models import Pool, ScalingEvent
from tests.factories import set_pool
from tests.integration.routes import ROUTES, Place, Route, content_of, undone
from workers.models import Node
from workflows.models import RunStep

pytestmark = pytest.mark.django_db
OPEN = {"health", "health/live", "health/ready"}
BY_SESSION = {"api/docs"}
ROLES = ("viewer", "operator", "admin")
# Their owner finds none of the words there, either: they show figures, times and states.
WITHOUT_WORDS = {
    "/cron/jobs/{job}/executions",
    "/cron/jobs/{job}/executions/export?format=ndjson",
    "/dlq/replays/export?format=ndjson",
    "/operations/{operation}/items/export?format=ndjson",
    "/cron/preview?schedule=@daily",
    "/dlq/replays",
    "/dlq/replays/{replay}",
    "/health/detailed",
    "/operations/{operation}/items",
    "/system/performance/export?format=ndjson",
    "/system/performance/summary",
    "/system/performance/types/export?format=ndjson",
    "/workflows/runs/{run}/steps/{step}",
    "/workflows/{workflow}/versions",
    "/workspaces/current",
}


@pytest.fixture
def place(db: None) -> Place:
    return Place()


def rows_of(workspace: Workspace) -> dict[str, list[Any]]:
    """Every row of this workspace, and those of no workspace; of keys and audit which there are."""
    found: dict[str, list[Any]] = {}
    for model in apps.get_models():
        rows = model._default_manager.order_by("pk")
        if any(field.attname == "workspace_id" for field in model._meta.concrete_fields):
            rows = rows.filter(workspace_id=workspace.id)
        elif model is RunStep:
            rows = rows.filter(run__workspace_id=workspace.id)
        elif model not in (Pool, ScalingEvent, Node):
            continue
        only = ["pk"] if model in (ApiKey, AuditEvent) else []
        found[model._meta.label] = list(rows.values(*only))
    return found


def refusals(place: Place, route: Route) -> Iterator[APIClient]:
    """Keys that may not: too small a role, and an admin's without one of the scopes."""
    for role in ROLES[: ROLES.index(route.role)]:
        yield place.key(role)
    for scope in route.scopes:
        others = tuple(each for each in route.scopes if each != scope)
        wrong = scope.replace(":write", ":read") if ":write" in scope else "nothing:read"
        yield place.key("admin", (*others, wrong))


def routes_of(patterns: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Method and path of every view of the API, `*` for each part that varies."""
    for each in patterns:
        if isinstance(each, URLResolver):
            if str(each.pattern) != "admin/":
                yield from routes_of(each.url_patterns, prefix + str(each.pattern))
            continue
        view = getattr(each.callback, "view_class", None) or getattr(each.callback, "cls", None)
        # A view set has a method for each verb, not for each method of HTTP.
        verbs = getattr(each.callback, "actions", None) or dir(view)
        for method in ("get", "post", "put", "patch", "delete"):
            if method in verbs:
                path = (prefix + str(each.pattern)).strip("^$").removesuffix("/?")
                yield method, re.sub(r"<[^>]*>", "*", path)


def test_every_route_is_in_the_table() -> None:
    known = {("get", path) for path in OPEN | BY_SESSION}
    for route in ROUTES:
        path = route.path.partition("?")[0].lstrip("/")
        known.add((route.method, re.sub(r"{[^}]*}", "*", path)))
    assert set(routes_of(get_resolver().url_patterns)) == known


def test_without_a_key(place: Place) -> None:
    before = rows_of(place.home)
    wrong = []
    for route in ROUTES:
        answer = place.send(APIClient(), route)
        kind = answer["Content-Type"]
        challenge = answer.get("WWW-Authenticate", "")
        if (answer.status_code, kind) != (401, "application/problem+json") or not (
            challenge.startswith("Bearer")
        ):
            wrong.append(f"{route}: {answer.status_code} {kind} {challenge}")
    assert not wrong, "\n".join(wrong)
    assert rows_of(place.home) == before


def test_with_too_small_a_role_or_too_narrow_a_key(place: Place) -> None:
    calls = [(route, client) for route in ROUTES for client in refusals(place, route)]
    before = rows_of(place.home)
    wrong = []
    for route, client in calls:
        answer = place.send(client, route)
        kind = answer["Content-Type"]
        if (answer.status_code, kind) != (403, "application/problem+json"):
            key = client.api_key
            wrong.append(f"{route} as {key.role} {key.scopes}: {answer.status_code} {kind}")
    assert not wrong, "\n".join(wrong)
    assert rows_of(place.home) == before


@pytest.mark.parametrize("slash", ["", "/"])
def test_with_the_least_that_it_needs(place: Place, slash: str) -> None:
    wrong = []
    for route in ROUTES:
        client = place.key(route.role, route.scopes)
        with undone():
            place.clear_way(route)
            answer = place.send(client, route, slash=slash)
            content = content_of(answer)
        if answer.status_code != route.ok:
            wrong.append(f"{route}: {answer.status_code} {content[:300]!r}")
    assert not wrong, "\n".join(wrong)


def test_reading_is_part_of_writing(place: Place) -> None:
    wrong = []
    for route in ROUTES:
        (scope, *_) = route.scopes
        if route.method == "get":
            client = place.key(route.role, (scope.replace(":read", ":write"),))
            answer = place.send(client, route)
            content_of(answer)  # an export that nobody reads counts as one under way
            if answer.status_code != route.ok:
                wrong.append(f"{route}: {answer.status_code}")
    assert not wrong, "\n".join(wrong)


def test_another_workspace_is_not_there(place: Place) -> None:
    client = place.key("admin")
    before = rows_of(place.away)
    wrong = []
    for route in ROUTES:
        if route.of_all:
            continue
        with undone():
            place.clear_way(route)
            answer = place.send(client, route, theirs=True)
            content = content_of(answer).decode()
            after = rows_of(place.away)
        for given in re.findall(r"{(\w+)}", route.path):
            content = content.replace(place.theirs[given], "")
        status = 404 if route.of_one else route.ok
        if answer.status_code != status or "secret" in content or after != before:
            wrong.append(f"{route}: {answer.status_code}, {after == before}, {content[:300]}")
    assert not wrong, "\n".join(wrong)


def test_its_owner_sees_it(place: Place) -> None:
    """The counterpart: what the test before did not find is there for its owner."""
    client = place.key("admin", away=True)
    wordless = set()
    for route in ROUTES:
        if route.method == "get" and not route.of_all:
            answer = place.send(client, route, theirs=True)
            assert answer.status_code == route.ok, route
            if b"secret" not in content_of(answer):
                wordless.add(route.path)
    assert wordless == WITHOUT_WORDS, sorted(wordless ^ WITHOUT_WORDS)


@pytest.mark.parametrize("call", ["config", "scale", "release"])
def test_a_change_of_the_fleet_is_audited_where_the_caller_is_at_home(
    place: Place, call: str
) -> None:
    """The fleet serves all workspaces."""
    set_pool(manual_workers=4, manual_by="somebody")
    (route,) = (
        route
        for route in ROUTES
        if route.method == "post" and route.path == f"/auto-scaling/{call}"
    )
    client = place.key(route.role, away=True)
    assert place.send(client, route).status_code == route.ok
    audited = AuditEvent.objects.filter(action__startswith="scaling.")
    assert [event.workspace_id for event in audited] == [place.away.id]
    assert place.away.id != place.home.id
