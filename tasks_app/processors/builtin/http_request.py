"""The processor `http-request`: hand a task to a service written in anything."""

import asyncio
import base64
import json
import time
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from pydantic import Field, HttpUrl, JsonValue, SecretStr, field_validator, model_validator

from controlplane.core.errors import Invalid, TooLarge
from controlplane.core.masking import mask_secrets
from controlplane.core.strictjson import MalformedJsonError, parse_json
from controlplane.core.values import check_json_value
from tasks_app.processors.builtin.addresses import AddressRules, RefusedAddress, UnresolvedName
from tasks_app.processors.builtin.payloads import Payload
from tasks_app.processors.context import Context
from tasks_app.processors.outcomes import Fail, RetryLater
from tasks_app.processors.registry import processor

if TYPE_CHECKING:
    from tasks_app.processors.builtin.http_client import Reply

_MAX_BODY_BYTES = 262_144
_MAX_PAUSE_SECONDS = 3_600.0
# A 4xx that the same request may get past later; every other one is final.
_PASSING_STATUSES = frozenset({408, 409, 423, 425, 429})
_HEADER_NAME = r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$"
_OWN_HEADERS = frozenset(
    {"connection", "content-length", "host", "te", "trailer", "transfer-encoding", "upgrade"}
)
# What the result keeps of the answer's headers: none that carries a secret.
_KEPT_HEADERS = (
    "content-type", "date", "etag", "last-modified", "location", "retry-after", "x-request-id",
)  # fmt: skip

HeaderName = Annotated[str, Field(pattern=_HEADER_NAME)]
StatusRule = Annotated[int, Field(ge=100, le=599)] | Literal["1xx", "2xx", "3xx", "4xx", "5xx"]


class HttpRequestPayload(Payload):
    """One HTTP request, and the statuses that count as success."""

    url: HttpUrl = Field(description="http or https, without a user or password in it.")
    method: Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] = "GET"
    headers: dict[HeaderName, SecretStr] = Field(default_factory=dict, max_length=50)
    json_body: JsonValue = Field(default=None, alias="json", description="Sent as JSON.")
    body: str | None = Field(default=None, description="Sent as it is, in UTF-8.")
    timeout_ms: int = Field(
        default=30_000,
        ge=1,
        le=3_600_000,
        description="For the whole exchange, including redirects.",
    )
    expected_statuses: list[StatusRule] = Field(default=["2xx"], min_length=1, max_length=50)
    follow_redirects: bool = False
    max_redirects: int = Field(default=5, ge=1, le=20)
    max_response_bytes: int = Field(
        default=65_536,
        ge=0,
        le=_MAX_BODY_BYTES,
        description="Maximum stored bytes of the response's body.",
    )

    @field_validator("url")
    @classmethod
    def _has_no_credentials(cls, url: HttpUrl) -> HttpUrl:
        if url.username is not None or url.password is not None:
            raise ValueError("put credentials into a header: an address is shown and logged")
        return url

    @field_validator("headers")
    @classmethod
    def _are_the_callers_to_set(cls, headers: dict[str, SecretStr]) -> dict[str, SecretStr]:
        for name, value in headers.items():
            if name.lower() in _OWN_HEADERS:
                raise ValueError(f"{name} is set by the client itself")
            text = value.get_secret_value()
            if len(text) > 8_192 or not text.isascii() or not text.isprintable():
                raise ValueError(f"{name} must be up to 8192 printable ASCII characters")
        return headers

    @model_validator(mode="after")
    def _has_one_body(self) -> Self:
        if self.body is not None and "json_body" in self.model_fields_set:
            raise ValueError("give json or body, not both")
        return self

    def expects(self, status: int) -> bool:
        """Whether a response with this status is a success."""
        return status in self.expected_statuses or f"{status // 100}xx" in self.expected_statuses

    def content(self) -> bytes | None:
        """The request's body as it is sent."""
        if "json_body" in self.model_fields_set:
            return json.dumps(self.json_body, ensure_ascii=False, allow_nan=False).encode()
        return None if self.body is None else self.body.encode()


class UnexpectedStatus(Exception):  # noqa: N818 - it says what the service did
    """The service responded with a status that is not a success; the next attempt may get
    another."""


class FinalStatus(Fail):
    """The service refused the request itself (4xx), and would refuse it again."""


def _category_of(error: BaseException) -> str | None:
    if isinstance(error, RefusedAddress | FinalStatus):
        return "VALIDATION"
    if isinstance(error, TimeoutError):
        return "TIMEOUT"
    # A coming back is what a busy service asked for with `Retry-After`.
    if isinstance(error, UnexpectedStatus | RetryLater):
        return "DEPENDENCY"
    if isinstance(error, UnresolvedName):
        return "NETWORK"
    return "NETWORK" if type(error).__module__.partition(".")[0] in ("httpx", "ssl") else None


@processor(
    "http-request",
    payload=HttpRequestPayload,
    max_attempts=5,
    timeout_seconds=3_700,
    category_of=_category_of,
)
async def http_request(ctx: Context, payload: HttpRequestPayload) -> dict[str, Any]:
    """Call an HTTP service and store its response.

    Sends the header `Idempotency-Key`, the same at every attempt. A 4xx fails for good, except
    those that may pass (408, 409, 423, 425, 429); `Retry-After` is honoured up to one hour.
    """
    # Here, since httpx costs a process 16 MB that most workers never need.
    from tasks_app.processors.builtin.http_client import exchange

    started = time.monotonic()
    async with asyncio.timeout(payload.timeout_ms / 1_000):
        reply = await exchange(
            payload.method,
            str(payload.url),
            headers=_headers(ctx, payload),
            content=payload.content(),
            rules=address_rules(),
            max_bytes=payload.max_response_bytes,
            max_redirects=payload.max_redirects if payload.follow_redirects else 0,
            timeout_seconds=payload.timeout_ms / 1_000,
        )
    took_ms = round((time.monotonic() - started) * 1_000)
    # Without the query, which may hold a token.
    place = f"{payload.url.scheme}://{payload.url.host}:{payload.url.port}{payload.url.path or '/'}"
    ctx.log(f"{payload.method} {place} answered {reply.status}", took_ms=took_ms)
    if not payload.expects(reply.status):
        _give_up_or_come_back(ctx, reply)
    return _result(reply, took_ms)


def address_rules() -> AddressRules:
    """The rules from the settings. Raises ImproperlyConfigured for a wrong entry."""
    try:
        return AddressRules.of(
            allow_private=settings.TASKPLANE["HTTP_REQUEST_ALLOW_PRIVATE"],
            allow=settings.TASKPLANE["HTTP_REQUEST_ALLOW"],
        )
    except ValueError as error:
        raise ImproperlyConfigured(f"HTTP_REQUEST_ALLOW: {error}") from error


address_rules()  # a wrong entry stops the start, not the first task


def _headers(ctx: Context, payload: HttpRequestPayload) -> dict[str, str]:
    headers = {
        "user-agent": "Taskplane",
        "accept": "*/*",
        "idempotency-key": ctx.idempotency_key,
    }
    if "json_body" in payload.model_fields_set:
        headers["content-type"] = "application/json"
    elif payload.body is not None:
        headers["content-type"] = "text/plain; charset=utf-8"
    return headers | {n.lower(): v.get_secret_value() for n, v in payload.headers.items()}


def _give_up_or_come_back(ctx: Context, reply: "Reply") -> None:
    host = urlsplit(reply.url).hostname
    message = f"{host} answered {reply.status}, which is not among expectedStatuses."
    pause = _retry_after_seconds(reply.headers.get("retry-after"))
    if pause is not None and reply.status in (413, 429, 503):
        ctx.retry_later(pause, message)
    if 400 <= reply.status < 500 and reply.status not in _PASSING_STATUSES:
        raise FinalStatus(message)
    raise UnexpectedStatus(message)


def _retry_after_seconds(value: str | None) -> float | None:
    """Seconds to wait, from either form of the header (RFC 9110, 10.2.3), at most one hour."""
    if value is None:
        return None
    if value.strip().isdecimal():
        return min(float(value[:12]), _MAX_PAUSE_SECONDS)
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return min(max((at - datetime.now(UTC)).total_seconds(), 0.0), _MAX_PAUSE_SECONDS)


def _result(reply: "Reply", took_ms: int) -> dict[str, Any]:
    return {
        "status": reply.status,
        "headers": _kept_headers(reply),
        "tookMs": took_ms,
        "truncated": reply.is_truncated,
        **_body(reply),
    }


def _kept_headers(reply: "Reply") -> dict[str, str]:
    found = {name: reply.headers[name] for name in _KEPT_HEADERS if name in reply.headers}
    # The address of a redirect may have a login or a token in it.
    return {name: _storable(mask_secrets(value)) for name, value in found.items()}


def _body(reply: "Reply") -> dict[str, Any]:
    """The body as `json` if it is JSON, otherwise as `body` (text) or `bodyBase64` (bytes)."""
    kind = reply.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        text = reply.body.decode("utf-8", "strict" if not reply.is_truncated else "ignore")
    except UnicodeDecodeError:
        return {"bodyBase64": base64.b64encode(reply.body).decode("ascii")}
    if not reply.is_truncated and (kind == "application/json" or kind.endswith("+json")):
        with suppress(MalformedJsonError, Invalid, TooLarge):
            return {"json": _parse(reply.body)}
    return {"body": _storable(text)}


def _parse(body: bytes) -> Any:
    """The JSON of a response, if the result can store it: the request has been made, and a refused
    result would repeat it. Raises MalformedJsonError, Invalid, TooLarge."""
    limits = settings.TASKPLANE
    depth = limits["JSON_MAX_DEPTH"] - 1  # the result is an object around it
    value = parse_json(body, max_depth=depth)
    most = limits["PAYLOAD_MAX_BYTES"] * 3 // 4  # the rest is for the headers
    check_json_value(value, max_bytes=most, max_depth=depth, field="json")
    return value


def _storable(text: str) -> str:
    return text.replace("\x00", "\ufffd")  # Postgres keeps every character but this one
