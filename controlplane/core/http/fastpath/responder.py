"""Chooses the requests of the fast path, and serves them."""

from collections.abc import Sequence
from typing import IO

from django.urls import get_resolver

from controlplane.core.http.fastpath.calls import Call, handle_together
from controlplane.core.http.fastpath.requests import is_eligible, read_headers
from controlplane.core.http.fastpath.routes import Router
from controlplane.core.http.messages import Reply, Scope
from controlplane.core.sql import release_connections

_KEY_HEADER = b"idempotency-key"
_SHARED_BYTES = 16_384


class FastResponder:
    """Serves requests on the fast path. To make one imports the URLs with all their views, for
    which no request and no event loop should wait."""

    def __init__(self) -> None:
        self._router = Router(get_resolver())

    def respond(self, scope: Scope, body: IO[bytes]) -> Reply | None:
        """The response; None leaves the request to Django."""
        call = self._start(scope, body)
        if call is None:
            return None
        try:
            return call.respond()
        finally:
            release_connections()

    def may_share(self, scope: Scope) -> bool:
        """Whether `respond_together` may take this request."""
        route = self._router.find_static(scope["method"], scope["path"])
        if route is None or route.verb.together is None:
            return False
        headers = dict(scope["headers"])
        length: bytes = headers.get(b"content-length", b"")
        return (
            length.isdigit()
            and int(length[:9]) <= _SHARED_BYTES
            and _KEY_HEADER not in headers  # what has a key is done by itself
        )

    def respond_together(self, asked: Sequence[tuple[Scope, IO[bytes]]]) -> list[Reply | None]:
        """The responses to requests that `may_share` accepts, all for one route."""
        calls = [self._start(scope, body) for scope, body in asked]
        try:
            for call in filter(None, calls):
                call.prepare()
            handle_together([call for call in filter(None, calls) if not call.is_refused])
            return [None if call is None else call.respond_with_outcome() for call in calls]
        finally:
            release_connections()

    def _start(self, scope: Scope, body: IO[bytes]) -> Call | None:
        headers = read_headers(scope)
        if headers is None or not is_eligible(scope, headers):
            return None
        found = self._router.find(scope["method"], scope["path"])
        return None if found is None else Call(scope, headers, body, *found)
