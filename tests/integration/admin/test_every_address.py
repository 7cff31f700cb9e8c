"""Every address of the pages and every call that changes something, walked: who is not logged in is
led to the log-in, and a form or call without the token of this site does nothing."""

import re
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from django.test import Client
from django.urls import URLResolver, get_resolver, reverse

from controlplane.workspaces.models import AuditEvent
from tests.clients import staff_client, user_client
from tests.integration.routes import ROUTES

pytestmark = pytest.mark.django_db

ID = str(UUID(int=1))
LOGIN, LOGOUT = "/admin/login/", "/admin/logout/"
ELSEWHERE = (
    "https://elsewhere.example/", "//elsewhere.example/", "/\\elsewhere.example/",
    "///elsewhere.example/", "\\\\elsewhere.example", "http:elsewhere.example",
    "javascript:alert(1)", "/\t/elsewhere.example/", "/\n/elsewhere.example/",
)  # fmt: skip


def fill(pattern: str) -> str:
    """An address of a pattern; ids are of nothing."""
    text = re.sub(r"\(\?P<\w+>([\w-]+)(?:\|[^)]*)?\)", r"\1", pattern)  # the first of some words
    text = re.sub(r"\(\?P<\w+>[^)]*\)", "nowhere", text)
    text = re.sub(r"<int:\w+>", "1", text)
    return re.sub(r"<[^>]*>", ID, text).replace("\\Z", "").strip("^$")


def addresses(patterns: Any, before: str = "/") -> Iterator[str]:
    for each in patterns:
        at = before + fill(str(each.pattern))
        if isinstance(each, URLResolver):
            yield from addresses(each.url_patterns, at)
        else:
            yield at


def pages() -> list[str]:
    found = sorted(set(addresses(get_resolver().url_patterns)))
    return [address for address in found if address.startswith("/admin/")]


def test_the_walk_finds_them() -> None:
    found = pages()
    assert {
        reverse("admin:index"),
        reverse("admin:undo"),
        reverse("admin:performance"),
        reverse("admin:tasks_app_task_export"),
        reverse("admin:dlq_lettergroup_decide", args=[ID]),
        LOGIN,
    } <= set(found)
    assert len(found) > 150
    assert all(re.fullmatch(r"[\w/.-]+", address) for address in found), found


def test_who_is_not_logged_in_is_led_to_the_log_in() -> None:
    client, wrong = Client(), []
    for address in set(pages()) - {LOGIN, LOGOUT}:
        for method in (client.get, client.post):
            answer = method(address)
            if (answer.status_code, answer.get("Location", "").partition("?")[0]) != (302, LOGIN):
                wrong.append(f"{method.__name__} {address}: {answer.status_code}")
    assert not wrong, "\n".join(wrong)
    assert not AuditEvent.objects.exists()


def test_a_form_without_the_token_of_this_site_does_nothing() -> None:
    root = staff_client("root", apps=[], is_superuser=True)
    client = Client(enforce_csrf_checks=True)
    client.cookies = root.cookies
    wrong = [
        f"{address}: {answer.status_code}"
        for address in pages()
        if (answer := client.post(address, {"post": "yes"})).status_code != 403
    ]
    assert not wrong, "\n".join(wrong)
    assert client.get(reverse("admin:index")).status_code == 200, "the session is still there"


def test_a_call_with_a_session_needs_the_token_too() -> None:
    client = user_client("admin", is_superuser=True, enforce_csrf_checks=True)
    before, wrong = AuditEvent.objects.count(), []
    for route in ROUTES:
        if route.method != "get":
            path = re.sub(r"{\w+}", ID, route.path.replace("{node}", "1"))
            answer = getattr(client, route.method)(path, {}, format="json")
            if answer.status_code != 403 or "CSRF" not in answer.content.decode():
                wrong.append(f"{route}: {answer.status_code} {answer.content[:200]!r}")
    assert not wrong, "\n".join(wrong)
    assert AuditEvent.objects.count() == before


def test_the_address_to_go_on_to_is_of_this_site() -> None:
    root = staff_client("root", apps=[], is_superuser=True, password="a secret")
    undo, home = reverse("admin:undo"), reverse("admin:index")
    for elsewhere in ELSEWHERE:
        for answer in (root.post(undo, {"next": elsewhere}), root.post(f"{undo}?next={elsewhere}")):
            assert (answer.status_code, answer["Location"]) == (302, home), elsewhere
    for elsewhere in ELSEWHERE[:3]:
        sent = {"username": "root", "password": "a secret", "next": elsewhere}
        answer = Client().post(LOGIN, sent)
        assert (answer.status_code, answer["Location"]) == (302, home), elsewhere
