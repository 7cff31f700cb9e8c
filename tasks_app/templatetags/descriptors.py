"""The names of task types and queues, with the description of them. Every page shows them by these
tags; what they need is read once for a page, when the first of them is drawn."""

from typing import Any

from django import template
from django.template import Context
from django.utils.html import format_html
from django.utils.safestring import SafeString

from controlplane.core.admin.display import draw_shape
from tasks_app.admin.links import type_url
from tasks_app.descriptors import Descriptor
from tasks_app.labels import Label, label_queue, label_type
from tasks_app.queries.declarations import Catalogue, TypeView, read_catalogue
from tasks_app.queries.queue_descriptors import QueueDescriptors

register = template.Library()
register.filter("type_url", type_url)


@register.simple_tag(takes_context=True)
def task_type(context: Context, name: str, show: str = "") -> str:
    """The name of a type: the description of it is its tooltip, and a badge says what is wrong with
    its declarations. `show` is `title` to write the title beside the name, `mark` to have a mark
    before it instead of the badge where there is little room, `name` for neither."""
    if not name:
        return ""
    view = _view(context, name)
    title = view.descriptor.title if show == "title" else ""
    return _draw(label_type(view), show, title)


@register.simple_tag
def label(shown: Label, show: str = "") -> str:
    """A name that comes with its description, as `task_type` draws it."""
    return _draw(shown, show)


@register.simple_tag(takes_context=True)
def queue_name(context: Context, name: str, workspace: str, show: str = "") -> str:
    """The name of a queue, as `task_type`. `workspace`: its name in addresses."""
    descriptor = _queues(context).get(workspace, name)
    return _draw(label_queue(name, descriptor), show, descriptor.title if show == "title" else "")


@register.simple_tag(takes_context=True)
def find_type(context: Context, name: str) -> TypeView:
    """What is known of a type: `{% find_type name as found %}`."""
    return _view(context, name)


@register.simple_tag(takes_context=True)
def find_queue(context: Context, name: str, workspace: str) -> Descriptor:
    """The description of a queue: `{% find_queue name workspace as found %}`."""
    return _queues(context).get(workspace, name)


def _draw(shown: Label, show: str = "", title: str = "") -> SafeString:
    badge = SafeString("")
    if shown.badge and show == "mark":
        badge = format_html(
            '<span title="{}">{}<span class="visually-hidden">{}:</span></span> ',
            shown.sentence, draw_shape("warning"), shown.badge,
        )  # fmt: skip
        return badge + _draw_name(shown, title)
    if shown.badge and show != "name":
        badge = format_html(
            ' <span class="tag wrong" title="{}">{}</span>', shown.sentence, shown.badge
        )
    return _draw_name(shown, title, is_alone=not badge) + badge


def _draw_name(shown: Label, title: str, *, is_alone: bool = False) -> SafeString:
    if not shown.about and is_alone:
        return format_html("{}", shown.name)
    drawn = format_html("<bdi>{}</bdi>", shown.name)
    if shown.about:
        drawn = format_html('<bdi title="{}">{}</bdi>', shown.about, shown.name)
    if title:
        drawn += format_html(' <span class="faint"><bdi>{}</bdi></span>', title)
    return drawn


def _view(context: Context, name: str) -> TypeView:
    kept = _kept(context)
    catalogue: Catalogue | None = kept.get("types")
    if catalogue is None:
        catalogue = kept["types"] = read_catalogue()
    return catalogue.get(name)


def _queues(context: Context) -> QueueDescriptors:
    kept = _kept(context)
    found: QueueDescriptors | None = kept.get("queues")
    if found is None:
        found = kept["queues"] = QueueDescriptors()
    return found


def _kept(context: Context) -> dict[str, Any]:
    """What this page has read. It is kept with the request, since parts of a page are drawn
    apart."""
    request = context["request"]
    kept: dict[str, Any] | None = getattr(request, "_descriptors", None)
    if kept is None:
        kept = request._descriptors = {}
    return kept
