"""`http-request` against real servers on loopback."""

import json
import logging
import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pydantic
import pytest
from django.core.exceptions import ImproperlyConfigured
from pytest_django import Settings

from tasks_app.processors import Fail, RetryLater
from tasks_app.processors.builtin.http_request import (
    FinalStatus,
    HttpRequestPayload,
    UnexpectedStatus,
    address_rules,
)
from tests.unit.processors.recording import RecordingContext
from tests.unit.processors.webservice import Answer, Webservice, allow, call, zipped


def test_json_goes_there_and_back(service: Webservice) -> None:
    service.answers["/orders"] = Answer(
        201, {"Content-Type": "application/json", "Set-Cookie": "session=1"}, b'{"id": 7}'
    )
    context = RecordingContext()

    result = call(
        context,
        url=service.url("/orders?token=s3cr3t"),
        method="POST",
        headers={"Authorization": "Bearer s3cr3t"},
        json={"name": "Ünï"},
    )

    assert (result["status"], result["json"]) == (201, {"id": 7})
    assert "set-cookie" not in result["headers"]
    asked = service.asked[0]
    assert (asked.method, json.loads(asked.body)) == ("POST", {"name": "Ünï"})
    assert asked.headers["content-type"] == "application/json"
    assert asked.headers["idempotency-key"] == context.idempotency_key
    assert asked.headers["host"] == f"127.0.0.1:{service.port}"
    assert asked.headers["authorization"] == "Bearer s3cr3t"
    assert "s3cr3t" not in "".join(context.lines)


def test_text_and_the_callers_own_headers(service: Webservice) -> None:
    service.answers["/"] = Answer(200, {"Content-Type": "text/plain"}, b"fine\x00")

    result = call(
        url=service.url(),
        method="PUT",
        body="plain",
        headers={"Content-Type": "text/csv", "Idempotency-Key": "mine"},
    )

    assert result["body"] == "fine�"  # Postgres keeps no NUL
    assert service.asked[0].headers["content-type"] == "text/csv"
    assert service.asked[0].headers["idempotency-key"] == "mine"
    assert service.asked[0].body == b"plain"


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        (b'{"a": "\\u0000"}', "body"),
        (b'{"a": "\\ud800"}', "body"),
        (b'{"\\u0000": 1}', "body"),
        (b"[1e999]", "body"),
        (b"[9223372036854775808]", "body"),
        (b'{"a": 1, "a": 2}', "body"),
        (b"[" + b"1e300," * 1_000 + b"1]", "body"),
        (b"[" * 31 + b"]" * 31, "json"),
        (b"[" * 32 + b"]" * 32, "body"),
        (b"[1e20]", "json"),
        (b"[NaN]", "body"),
        (b"[" * 5_000 + b"]" * 5_000, "body"),
        (b"[" * 40 + b"]" * 40, "body"),
        (b"{broken", "body"),
        (b"\xff\xfe", "bodyBase64"),
        (b"[1, 2.5, null, true]", "json"),
        (b"", "body"),
    ],
)
def test_hostile_answers_are_kept_in_a_form_that_can_be_stored(
    service: Webservice, body: bytes, kept: str
) -> None:
    service.answers["/"] = Answer(200, {"Content-Type": "application/json"}, body)

    assert kept in call(url=service.url())


def test_a_long_answer_is_cut(service: Webservice) -> None:
    service.answers["/"] = Answer(200, {"Content-Type": "text/plain"}, "é".encode() * 50_000)

    result = call(url=service.url(), maxResponseBytes=1_001)

    assert result["truncated"] is True
    assert result["body"] == "é" * 500


def test_a_packed_answer_does_not_unpack_beyond_the_limit(service: Webservice) -> None:
    bomb = zipped(50_000_000)
    service.answers["/"] = Answer(200, {"Content-Encoding": "gzip"}, bomb)
    service.answers["/small"] = Answer(200, {"Content-Encoding": "gzip"}, zipped(10))

    result = call(url=service.url(), maxResponseBytes=1_000)

    assert (len(result["body"]), result["truncated"]) == (1_000, True)
    assert call(url=service.url("/small"))["body"] == "a" * 10
    assert service.asked[0].headers["accept-encoding"] == "identity"


@pytest.mark.parametrize(
    ("status", "error"),
    [(400, FinalStatus), (404, FinalStatus), (409, UnexpectedStatus), (500, UnexpectedStatus),
     (503, UnexpectedStatus), (302, UnexpectedStatus)],
)  # fmt: skip
def test_an_unexpected_status_is_final_or_not(
    service: Webservice, status: int, error: type[Exception]
) -> None:
    service.answers["/"] = Answer(status, {"Location": "/x"} if status == 302 else {})

    with pytest.raises(error, match=f"answered {status}"):
        call(url=service.url())
    assert issubclass(FinalStatus, Fail)
    assert not issubclass(UnexpectedStatus, Fail)


def test_expected_statuses(service: Webservice) -> None:
    service.answers["/"] = Answer(404)

    assert call(url=service.url(), expectedStatuses=["2xx", 404])["status"] == 404
    with pytest.raises(FinalStatus):
        call(url=service.url(), expectedStatuses=[200])


@pytest.mark.parametrize(
    ("value", "least", "most"),
    [
        ("7", 7, 7),
        ("99999999999999", 3_600, 3_600),
        ("in 90 s", 60, 90),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0, 0),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_decides_when_the_next_attempt_starts(
    service: Webservice, status: int, value: str, least: float, most: float
) -> None:
    if value == "in 90 s":  # as a date, which would be past by the time a late test runs
        value = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    service.answers["/"] = Answer(status, {"Retry-After": value})

    with pytest.raises(RetryLater) as caught:
        call(url=service.url())

    assert least <= caught.value.delay_seconds <= most


def test_a_retry_after_that_is_nonsense_is_ignored(service: Webservice) -> None:
    service.answers["/"] = Answer(503, {"Retry-After": "soon"})

    with pytest.raises(UnexpectedStatus):
        call(url=service.url())


def test_the_time_limit_is_for_the_whole_exchange(service: Webservice) -> None:
    never = threading.Event()
    service.answers["/"] = Answer(delay=never)

    with pytest.raises(TimeoutError):
        call(url=service.url(), timeoutMs=100)
    never.set()


# --- what must not be reached -------------------------------------------------------------------


# --- payloads -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        ({}, "url"),
        ({"url": "ftp://a.example/"}, "url"),
        ({"url": "file:///etc/passwd"}, "url"),
        ({"url": "http://"}, "url"),
        ({"url": "http://user:s3cr3t@a.example/"}, "url"),
        ({"url": "http://a.example/", "method": "CONNECT"}, "method"),
        ({"url": "http://a.example/", "headers": {"Host": "s3cr3t"}}, "headers"),
        ({"url": "http://a.example/", "headers": {"X-A": "s3cr3t\r\nX-B: 1"}}, "headers"),
        ({"url": "http://a.example/", "headers": {"X A": "s3cr3t"}}, "headers"),
        ({"url": "http://a.example/", "expectedStatuses": []}, "expectedStatuses"),
        ({"url": "http://a.example/", "expectedStatuses": ["6xx"]}, "expectedStatuses"),
        ({"url": "http://a.example/", "timeoutMs": 0}, "timeoutMs"),
        ({"url": "http://a.example/", "maxResponseBytes": 10**9}, "maxResponseBytes"),
        ({"url": "http://a.example/", "verify": False}, "verify"),
    ],
)
def test_a_wrong_payload_names_its_field_and_no_secret(payload: dict[str, Any], field: str) -> None:
    with pytest.raises(pydantic.ValidationError) as caught:
        HttpRequestPayload.model_validate(payload)

    assert caught.value.errors()[0]["loc"][0] == field
    assert "s3cr3t" not in str(caught.value)


def test_json_and_body_exclude_each_other() -> None:
    with pytest.raises(pydantic.ValidationError, match="not both"):
        HttpRequestPayload.model_validate({"url": "http://a.example/", "json": None, "body": ""})


def test_headers_are_not_shown() -> None:
    payload = HttpRequestPayload.model_validate(
        {"url": "http://a.example/", "headers": {"Authorization": "Bearer s3cr3t"}}
    )

    assert "s3cr3t" not in repr(payload)


def test_the_client_logs_no_secret_of_the_request(
    service: Webservice, caplog: pytest.LogCaptureFixture
) -> None:
    service.answers["/"] = Answer(200)
    with caplog.at_level(logging.DEBUG):
        call(url=service.url("/?q=s3cr3t"), headers={"Authorization": "Bearer s3cr3t"})

    assert "s3cr3t" not in caplog.text


def test_a_wrong_entry_of_the_allow_list_stops_the_start(settings: Settings) -> None:
    allow(settings, "10.0.0.0/8", "not a host:x")

    with pytest.raises(
        ImproperlyConfigured, match="HTTP_REQUEST_ALLOW: 'not a host:x' is not a host"
    ):
        address_rules()
