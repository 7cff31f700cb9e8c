"""Requests of the fast path, and which requests take it."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import IO, Any

from django.conf import settings
from django.http import QueryDict
from django.http.request import split_domain_port, validate_host
from rest_framework.renderers import JSONRenderer

from controlplane.core.http.messages import Scope
from controlplane.core.http.middleware import REQUEST_ID_HEADER, choose_request_id
from controlplane.core.http.parsers import StrictJSONParser

Headers = Mapping[bytes, bytes]

_JSON_TYPES = {
    b"application/json",
    b"application/json; charset=utf-8",
    b"application/json;charset=utf-8",
}
_ACCEPTED = {b"*/*", b"application/json", b"application/json, */*", b""}


class _Headers(Mapping[str, str]):
    """Headers by name in any case. Few of them are looked at: one is decoded when it is."""

    def __init__(self, headers: Headers) -> None:
        self._headers = headers

    def __getitem__(self, name: str) -> str:
        return self._headers[name.lower().encode()].decode("latin1")

    def get(self, name: str, default: Any = None) -> Any:
        value = self._headers.get(name.lower().encode())
        return default if value is None else value.decode("latin1")

    def __iter__(self) -> Iterator[str]:
        return (name.decode("latin1") for name in self._headers)

    def __len__(self) -> int:
        return len(self._headers)


class KeyRequest:
    """A request with an API key: what views, authenticators, permissions and throttles use of the
    REST framework's request."""

    accepted_renderer = JSONRenderer()
    accepted_media_type = JSONRenderer.media_type
    authenticators = ()
    successful_authenticator: Any = None
    user: Any = None
    auth: Any = None
    actor: Any = None
    rate_limit_headers: Mapping[str, str] = {}
    own_headers: Mapping[str, str] = {}

    def __init__(self, scope: Scope, headers: Mapping[bytes, bytes], body: IO[bytes]) -> None:
        self.method: str = scope["method"]
        self.path = self.path_info = scope["path"]
        self.headers = _Headers(headers)
        client = scope.get("client")
        self.META = {
            "REMOTE_ADDR": client[0] if client else "",
            "CONTENT_LENGTH": self.headers.get("content-length", ""),
        }
        self.request_id = choose_request_id(self.headers.get(REQUEST_ID_HEADER, ""))
        self._query: bytes = scope["query_string"]
        self._body = body

    @property
    def _request(self) -> "KeyRequest":
        """Where the REST framework has Django's request."""
        return self

    @cached_property
    def query_params(self) -> QueryDict:
        """Raises SuspiciousOperation: there are too many."""
        return QueryDict(self._query.decode("ascii"))

    @cached_property
    def data(self) -> Any:
        """The body. Raises what StrictJSONParser raises."""
        if self.META["CONTENT_LENGTH"] in ("", "0"):
            return {}
        return StrictJSONParser().parse(self._body, None, {"request": self})


def read_headers(scope: Scope) -> dict[bytes, bytes] | None:
    """The headers by lower-case name; None if one of them is repeated."""
    headers = dict(scope["headers"])
    return headers if len(headers) == len(scope["headers"]) else None


def is_eligible(scope: Scope, headers: Mapping[bytes, bytes]) -> bool:
    """Whether this is a plain request with a key for JSON, which no middleware would refuse."""
    return (
        headers.get(b"authorization", b"")[:7].lower() == b"bearer "
        and headers.get(b"accept", b"") in _ACCEPTED
        and b"transfer-encoding" not in headers
        and (
            headers.get(b"content-length", b"0") == b"0"
            or headers.get(b"content-type", b"").lower() in _JSON_TYPES
        )
        and not scope.get("root_path")
        and scope["query_string"].isascii()
        and b"format=" not in scope["query_string"]
        and _is_known_host(headers)
        and (not settings.SECURE_SSL_REDIRECT or is_secure(scope, headers))
    )


def _is_known_host(headers: Mapping[bytes, bytes]) -> bool:
    if settings.USE_X_FORWARDED_HOST and b"x-forwarded-host" in headers:
        return False  # for Django to decide
    domain, _port = split_domain_port(headers.get(b"host", b"").decode("latin1"))
    return bool(domain) and validate_host(domain, settings.ALLOWED_HOSTS)


def is_secure(scope: Scope, headers: Mapping[bytes, bytes]) -> bool:
    """As HttpRequest.is_secure."""
    if proxy_header := settings.SECURE_PROXY_SSL_HEADER:
        name, wanted = proxy_header
        name = name.removeprefix("HTTP_").replace("_", "-").lower()
        if (given := headers.get(name.encode())) is not None:
            return given.decode("latin1").split(",")[0].strip() == wanted
    return bool(scope.get("scheme") == "https")
