"""Request ids, the client's address, and headers for browsers."""

import logging

import pytest
from asgiref.sync import async_to_sync
from django.http import HttpResponse
from django.test import RequestFactory

from controlplane.core.http.middleware import (
    RequestIdMiddleware,
    SecurityHeadersMiddleware,
    client_ip,
)
from controlplane.core.requests import RequestIdFilter, current_client_ip, current_request_id


def seen_by_the_view(headers: dict[str, str]) -> tuple[str, str, str | None]:
    seen: list[tuple[str, str | None]] = []

    def view(request: object) -> HttpResponse:
        seen.append((current_request_id(), current_client_ip()))
        return HttpResponse()

    response = RequestIdMiddleware(view)(RequestFactory().get("/", headers=headers))
    return response.headers["X-Request-ID"], *seen[0]


def test_a_sane_id_is_kept() -> None:
    assert seen_by_the_view({"X-Request-ID": "abc-123"})[:2] == ("abc-123", "abc-123")


@pytest.mark.parametrize("given", ["", "x" * 65, "a b", "a\tb", "é", "a\r\nX-Evil: 1", "<b>"])
def test_any_other_id_is_replaced(given: str) -> None:
    sentence, seen, _ = seen_by_the_view({"X-Request-ID": given})
    assert sentence == seen
    assert len(sentence) == 36


def test_the_request_is_forgotten_afterwards() -> None:
    assert seen_by_the_view({})[2] == "127.0.0.1"
    assert current_request_id() == ""
    assert current_client_ip() is None


def test_an_async_server_gets_the_same() -> None:
    async def view(request: object) -> HttpResponse:
        return HttpResponse(current_request_id())

    middleware = RequestIdMiddleware(view)
    response = async_to_sync(middleware)(RequestFactory().get("/", headers={"X-Request-ID": "a1"}))
    assert response.headers["X-Request-ID"] == "a1"
    assert response.content == b"a1"


def test_log_lines_can_name_the_request() -> None:
    record = logging.makeLogRecord({})
    assert RequestIdFilter().filter(record)
    assert record.request_id == "-"


@pytest.mark.parametrize(
    ("proxies", "forwarded", "address"),
    [
        (0, "1.1.1.1", "127.0.0.1"),  # a claim of the client
        (1, "1.1.1.1", "1.1.1.1"),
        (1, "6.6.6.6, 1.1.1.1", "1.1.1.1"),  # the proxy added the last
        (2, "6.6.6.6, 1.1.1.1, 2.2.2.2", "1.1.1.1"),
        (1, "2001:db8::1", "2001:db8::1"),
        (1, "garbage", "127.0.0.1"),
        (3, "1.1.1.1", "127.0.0.1"),
    ],
)
def test_only_trusted_proxies_are_believed(
    settings: object, proxies: int, forwarded: str, address: str
) -> None:
    settings.TASKPLANE = {**settings.TASKPLANE, "TRUSTED_PROXIES": proxies}
    request = RequestFactory().get("/", headers={"X-Forwarded-For": forwarded})
    assert client_ip(request) == address


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ("[FE80::1%eth0]", "fe80::1"),
        ("0000:0000:0000:0000:0000:fffe:123.123.123.123", "::fffe:7b7b:7b7b"),
        ("1" * 8_000, None),
        ("localhost", None),
        ("", None),
    ],
)
def test_an_address_is_shown_in_its_shortest_form(given: str, address: str | None) -> None:
    request = RequestFactory().get("/")
    request.META["REMOTE_ADDR"] = given
    assert client_ip(request) == address


def test_browsers_get_strict_headers_unless_a_view_sets_its_own() -> None:
    def view(request: object) -> HttpResponse:
        return HttpResponse(headers={"Permissions-Policy": "mine"})

    response = SecurityHeadersMiddleware(view)(RequestFactory().get("/"))
    policy = response.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "unsafe" not in policy
    assert "trusted-types" in response.headers["Content-Security-Policy-Report-Only"]
    assert response.headers["Permissions-Policy"] == "mine"
