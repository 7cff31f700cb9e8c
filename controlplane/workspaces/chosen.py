"""The workspace that a person looks at: pages of one workspace, and the figures that lead to them,
show the same one. An address that names a workspace decides; it is remembered in a cookie for the
addresses that name none. The cookie only chooses among the workspaces that the person may see.

An address names a workspace by its slug or its id; views get the slug.
"""

from collections.abc import Callable, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase

from controlplane.core.ids import parse_uuid_or_none
from controlplane.workspaces.queries import get_default_workspace_id

if TYPE_CHECKING:
    from controlplane.workspaces.models import Workspace

COOKIE = "taskplane_workspace"
_DAYS = 180
_DAY_SECONDS = 86_400


def choose_workspace(request: HttpRequest, workspaces: "Sequence[Workspace]") -> "Workspace | None":
    """That of the address, otherwise the one that was chosen last, `default`, or the first. Raises
    PermissionDenied: the address names one that is none of these."""
    slug = request.GET.get("workspace", "")
    if slug and _find(workspaces, slug) is None:
        raise PermissionDenied("You have no role in this workspace, or it does not exist.")
    return prefer_workspace(request, workspaces)


def prefer_workspace(request: HttpRequest, workspaces: "Sequence[Workspace]") -> "Workspace | None":
    """As choose_workspace; a name that is none of these counts as no name."""
    for slug in (request.GET.get("workspace", ""), request.COOKIES.get(COOKIE, "")):
        if slug and (found := _find(workspaces, slug)) is not None:
            return found
    default = get_default_workspace_id()
    return next((each for each in workspaces if each.id == default), next(iter(workspaces), None))


def remembering(
    view: Callable[..., HttpResponseBase], own: "Callable[[HttpRequest], Sequence[Workspace]]"
) -> Callable[..., HttpResponseBase]:
    """The view of a page; a workspace that its address names is remembered, if it is one of `own`.
    What a page asks for later is no choice of the person: only pages count."""

    @wraps(view)
    def remember(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        name_by_slug(request, own)
        response = view(request, *args, **kwargs)
        named = request.GET.get("workspace", "")
        is_new = named and named != request.COOKIES.get(COOKIE)
        if not is_new or not _is_page(request, response):
            return response
        if (found := _find(own(request), named)) is not None:
            response.set_cookie(
                COOKIE,
                found.slug,
                max_age=_DAYS * _DAY_SECONDS,
                path=settings.SESSION_COOKIE_PATH,
                domain=settings.SESSION_COOKIE_DOMAIN,
                secure=settings.SESSION_COOKIE_SECURE,
                httponly=True,
                samesite="Lax",
            )
        return response

    return remember


def name_by_slug(request: HttpRequest, own: "Callable[[HttpRequest], Sequence[Workspace]]") -> None:
    """The parameters of an address that names one of `own` by its id get its slug instead."""
    named = parse_uuid_or_none(request.GET.get("workspace", ""))
    found = None if named is None else next((w for w in own(request) if w.id == named), None)
    if found is not None:
        params = request.GET.copy()
        params["workspace"] = found.slug
        request.GET = params  # type: ignore[assignment] # a QueryDict that can be changed


def _is_page(request: HttpRequest, response: HttpResponseBase) -> bool:
    is_html = response.headers.get("Content-Type", "").startswith("text/html")
    return request.method == "GET" and response.status_code == 200 and is_html


def _find(workspaces: "Sequence[Workspace]", slug: str) -> "Workspace | None":
    return next((each for each in workspaces if each.slug == slug), None)
