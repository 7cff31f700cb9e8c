"""The sections of the settings, and who may open which."""

from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse

from controlplane.core.admin.navigation import entries
from controlplane.workspaces.models import ApiKey, Membership

# Name in the address, title, and the model whose pages say who may open it.
SECTIONS: tuple[tuple[str, str, Any], ...] = (
    ("scaling", "Scaling", None),
    ("queues", "Queues", None),
    ("retention", "Retention", None),
    ("keys", "API keys", ApiKey),
    ("members", "Members and roles", Membership),
    ("product", "Product", None),
)
_MORE = (("workspaces_workspace_changelist", "Workspaces"), ("auth_user_changelist", "Users"))


@dataclass(frozen=True, slots=True)
class Tab:
    title: str
    url: str
    is_current: bool = False


def section_url(name: str) -> str:
    return reverse(f"admin:settings_{name}")


def may_open(request: HttpRequest, model: Any) -> bool:
    """Whether the person may see rows of the model in any workspace; None: everybody may."""
    site: Any = admin.site
    return model is None or bool(site._registry[model].has_view_permission(request))


def list_tabs(request: HttpRequest, current: str) -> list[Tab]:
    """The sections that the person may open, and the records that belong to settings."""
    tabs = [
        Tab(title, section_url(name), name == current)
        for name, title, model in SECTIONS
        if may_open(request, model)
    ]
    site: Any = admin.site
    pages = {page.url_name: page for entry in entries() for page in entry.pages}
    more = [
        Tab(title, url)
        for name, title in _MORE
        if (url := site.find_url(request, pages[name])) is not None
    ]
    return [*tabs, *more]


def render(request: HttpRequest, name: str, **context: Any) -> HttpResponse:
    """The page of a section."""
    title = next(title for each, title, _ in SECTIONS if each == name)
    return TemplateResponse(
        request,
        f"configuration/{name}.html",
        {
            **admin.site.each_context(request),
            "title": title,
            "trail": [("Settings", section_url(SECTIONS[0][0])), (title, "")],
            "section": name,
            "tabs": list_tabs(request, name),
            **context,
        },
    )
