"""The sections of the settings, and who may open which."""

from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse

from controlplane.core.admin.navigation import entries

KEYS, MEMBERS = "workspaces.ApiKey", "workspaces.Membership"
# Name in the address, title, and the label of the model whose pages say who may open it.
SECTIONS: tuple[tuple[str, str, str], ...] = (
    ("scaling", "Scaling", ""),
    ("queues", "Queues", ""),
    ("retention", "Retention", ""),
    ("keys", "API keys", KEYS),
    ("members", "Members and roles", MEMBERS),
    ("product", "Product", ""),
)
_MORE = (("workspaces_workspace_changelist", "Workspaces"), ("auth_user_changelist", "Users"))


@dataclass(frozen=True, slots=True)
class Tab:
    title: str
    url: str
    is_current: bool = False


def section_url(name: str) -> str:
    return reverse(f"admin:settings_{name}")


def pages_of(label: str) -> Any:
    """The pages of the records of a model."""
    site: Any = admin.site
    return site._registry[apps.get_model(label)]


def may_open(request: HttpRequest, label: str) -> bool:
    """Whether the person may see rows of the model in any workspace; empty: everybody may."""
    return not label or bool(pages_of(label).has_view_permission(request))


def list_tabs(request: HttpRequest, current: str) -> list[Tab]:
    """The sections that the person may open, and the records that belong to settings."""
    tabs = [
        Tab(title, section_url(name), name == current)
        for name, title, label in SECTIONS
        if may_open(request, label)
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
