"""What every request gets: an id, headers that keep a browser careful, a check of its host, and a
page in which nothing is hidden."""

import logging
import re
from collections.abc import Awaitable, Callable
from functools import lru_cache
from ipaddress import ip_address
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from controlplane.core.http.problemdetails import Problem
from controlplane.core.http.problems import plain_response
from controlplane.core.ids import uuid7
from controlplane.core.requests import API, PAGE, RequestFacts, enter_request, leave_request
from controlplane.core.visibletext import visible_html

logger = logging.getLogger(__name__)

REQUEST_ID_HEADER = "X-Request-ID"
REASON_HEADER = "X-Reason"
_PAGES = "/admin/"
# Allowed in a log line, a header and a column of 64 characters.
_SANE = re.compile(r"[A-Za-z0-9._:/+=@-]{1,64}")
_ADDRESS_LENGTH = 45  # of an IPv6 address whose end is written as an IPv4 address

Next = Callable[[HttpRequest], Any]


class PlainMiddleware:
    """A middleware for sync and async servers alike, that acts before and after the view."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Next) -> None:
        self._get_response = get_response
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        if self._is_async:
            return self._call_async(request)
        refusal = self.before(request)
        return self.after(request, refusal or self._get_response(request))

    async def _call_async(self, request: HttpRequest) -> HttpResponseBase:
        refusal = self.before(request)
        return self.after(request, refusal or await self._get_response(request))

    def before(self, request: HttpRequest) -> HttpResponseBase | None:
        """A response instead of the view's, if a subclass has one."""

    def after(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        return response


class RequestIdMiddleware(PlainMiddleware):
    """Gives the request the client's `X-Request-ID` if it is valid, otherwise a new id. The id is
    in `request.request_id`, a response header, every problem and the audit log, which also has the
    client's `X-Reason`.
    """

    def before(self, request: HttpRequest) -> None:
        request_id = choose_request_id(request.headers.get(REQUEST_ID_HEADER, ""))
        request.request_id = request_id  # type: ignore[attr-defined] # our own attribute
        door = PAGE if request.path_info.startswith(_PAGES) else API
        enter_request(request_facts(request, door))

    def after(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        response.headers[REQUEST_ID_HEADER] = request.request_id  # type: ignore[attr-defined] # ours
        for name, value in getattr(request, "rate_limit_headers", {}).items():
            response.headers[name] = value
        # A thread of a WSGI server serves the next request in the same context.
        leave_request()
        return response


class SecurityHeadersMiddleware(PlainMiddleware):
    """Headers that keep a browser careful; a view that sets one itself keeps its own."""

    HEADERS = {
        # Django's middlewares set these three too, but not on what is refused before them.
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": settings.X_FRAME_OPTIONS,
        "Referrer-Policy": settings.SECURE_REFERRER_POLICY,
        "Content-Security-Policy": (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
            "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        ),
        "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
    # Reported in the browser's console only: jQuery, in forms of Django's admin, writes markup.
    OF_PAGES = {"Content-Security-Policy-Report-Only": "require-trusted-types-for 'script'"}
    # The browsable API and the reference of the API, which are not ours, have styles inline.
    OF_REFERENCE = {
        "Content-Security-Policy": (
            "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
            "img-src 'self' data:; font-src 'self' data:; connect-src 'self'; object-src 'none'; "
            "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
        ),
    }

    def after(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        for name, value in {**self.HEADERS, **self._special(response)}.items():
            response.headers.setdefault(name, value)
        return response

    def _special(self, response: HttpResponseBase) -> dict[str, str]:
        if not response.headers.get("Content-Type", "").startswith("text/html"):
            return {}
        # The REST framework has rendered it.
        return self.OF_REFERENCE if hasattr(response, "accepted_renderer") else self.OF_PAGES


class VisibleTextMiddleware(PlainMiddleware):
    """Shows what could not be seen in a page, or would turn it round, as escapes: in our own pages,
    in Django's lists, messages and titles."""

    def after(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        is_page = response.headers.get("Content-Type", "").startswith("text/html")
        if is_page and isinstance(response, HttpResponse):
            page = response.content.decode(response.charset)
            shown = visible_html(page)
            if shown != page:
                response.content = shown.encode(response.charset)
        return response


def choose_request_id(given: str) -> str:
    """The client's id if it is valid, otherwise a new one."""
    return given if _SANE.fullmatch(given) else str(uuid7())


def request_facts(request: Any, door: str) -> RequestFacts:
    """What logs, problems and the audit log say of a request that has its id."""
    return RequestFacts(request.request_id, client_ip(request), door, _read_reason(request))


def _read_reason(request: Any) -> str:
    """Why the client makes the request, in its own words: UTF-8, as far as it is."""
    text: str = request.headers.get(REASON_HEADER, "")
    return text.encode("latin-1", "replace").decode(errors="replace") if text else ""


def client_ip(request: Any) -> str | None:
    """The address of the client, if TASKPLANE["TRUSTED_PROXIES"] proxies are trusted."""
    proxies: int = settings.TASKPLANE.get("TRUSTED_PROXIES", 0)
    if proxies:
        chain = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",")]
        # Each proxy appends its caller: entries further left come from the client, unverified.
        if len(chain) >= proxies and (address := _address(chain[-proxies])):
            return address
    return _address(request.META.get("REMOTE_ADDR") or "")


def _address(text: str) -> str | None:
    bare = text.strip("[]").partition("%")[0]
    return _canonical(bare) if len(bare) <= _ADDRESS_LENGTH else None


@lru_cache(maxsize=1024)  # a client makes many requests
def _canonical(text: str) -> str | None:
    try:
        return str(ip_address(text))
    except ValueError:
        return None


class KnownHostMiddleware(PlainMiddleware):
    """400 and one log line. Anybody can send any Host header, so it is no fault of the server."""

    def before(self, request: HttpRequest) -> HttpResponseBase | None:
        try:
            request.get_host()
        except DisallowedHost:
            logger.warning("Request refused: unknown host. host=%.200r", request.META["HTTP_HOST"])
            return plain_response(
                Problem(400, "The Host header names a host that this server does not serve.")
            )
        return None
