"""Error pages for browsers: who you are, what is wrong, where to go."""

from typing import Any

from django.contrib import admin
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.http import HttpRequest, HttpResponse
from django.shortcuts import resolve_url
from django.template import loader
from django.urls import get_script_prefix
from django.utils.http import urlencode

from controlplane.core.admin.site import ShellSite
from controlplane.core.clock import now, utc_z
from controlplane.core.formatting import format_time, shorten

_TITLES = {
    400: "This request cannot be understood",
    403: "You may not open this page",
    404: "There is nothing at this address",
}
_REASONS = {
    400: "Something in the address or the form is not valid.",
    403: "It needs a right that you do not have.",
    404: "The address may be cut off, what it showed may have been removed, "
    "or it belongs to a workspace that is not yours.",
}
_MAX_PATH = 200


def error_page(request: HttpRequest, status: int, reason: str = "") -> HttpResponse:
    """The page for a browser that may know who asks."""
    context = {
        "layout": "errors/bare.html",
        "status": status,
        "title": _TITLES[status],
        "reason": reason or _REASONS[status],
        "path": shorten(request.path, _MAX_PATH),
        **_identify(request, status),
        **_moment(request),
    }
    return HttpResponse(
        loader.render_to_string("errors/page.html", context, request), status=status
    )


def failure_page(request: HttpRequest) -> HttpResponse:
    """The page after an internal error. It asks neither the database nor the session."""
    context = {"title": "Error", "root": get_script_prefix(), **_moment(request)}
    return HttpResponse(loader.render_to_string("errors/500.html", context), status=500)


def _identify(request: HttpRequest, status: int) -> dict[str, Any]:
    """Who asks, and where they can go."""
    # An error may come before the middleware that finds the person.
    user, site = getattr(request, "user", None), admin.site
    is_known = user is not None and user.is_authenticated
    if is_known and isinstance(site, ShellSite) and site.has_permission(request):
        common = site.each_context(request)
        frame = common["frame"]
        shown = {"search_url": frame.search_url, "search": _last_part(request)}
        return {
            **common,
            "layout": "admin/base_site.html",
            "who": f"You are logged in as {frame.person.name} ({frame.person.role}).",
            "links": frame.entries[:6],
            **(shown if status == 404 else {}),
        }
    query = urlencode({REDIRECT_FIELD_NAME: request.get_full_path()[:2000]})
    log_in = f"{resolve_url('admin:login')}?{query}"
    if user is not None and is_known:
        who = f"You are logged in as {user.get_username()}, who may not use these pages."
        return {"who": who, "log_in_url": log_in, "log_in_word": "Log in as somebody else"}
    return {"who": "You are not logged in.", "log_in_url": log_in, "log_in_word": "Log in"}


def _last_part(request: HttpRequest) -> str:
    return next((part for part in reversed(request.path.split("/")) if part), "")[:_MAX_PATH]


def _moment(request: HttpRequest) -> dict[str, str]:
    at = now()
    request_id = getattr(request, "request_id", "")
    return {"request_id": request_id, "at": format_time(at), "at_exact": utc_z(at)}
