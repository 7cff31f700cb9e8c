"""The names of task types and queues, with the description of them. Every page shows them by these
tags; what they need is read once for a page, when the first of them is drawn."""

from typing import Any

from django import template
from django.template import Context
from django.utils.html import format_html
from django.utils.safestring import SafeString

from controlplane.core.admin.display import draw_shape
from controlplane.core.visibletext import isolated_text, visible_name
from tasks_app.admin.links import type_url
from tasks_app.descriptors import Descriptor
from tasks_app.queries.declarations import Catalogue, TypeView, read_catalogue
from tasks_app.queries.queue_descriptors import QueueDescriptors
from tasks_app.typewords import find_badge

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
    badge = find_badge(view) if show != "name" else None
    words = SafeString("")
    if badge is not None and show == "mark":
        mark = format_html(
            '<span title="{}">{}<span class="visually-hidden">{}:</span></span> ',
            badge.sentence, draw_shape("warning"), badge.words,
        )  # fmt: skip
        return mark + _label(name, view.descriptor, show, is_alone=False)
    if badge is not None:
        words = format_html(
            ' <span class="tag wrong" title="{}">{}</span>', badge.sentence, badge.words
        )
    return _label(name, view.descriptor, show, is_alone=badge is None) + words


@register.simple_tag(takes_context=True)
def queue_name(context: Context, name: str, workspace: str, show: str = "") -> str:
    """The name of a queue, as `task_type`. `workspace`: its name in addresses."""
    return _label(name, _queues(context).get(workspace, name), show)


@register.simple_tag(takes_context=True)
def find_type(context: Context, name: str) -> TypeView:
    """What is known of a type: `{% find_type name as found %}`."""
    return _view(context, name)


@register.simple_tag(takes_context=True)
def find_queue(context: Context, name: str, workspace: str) -> Descriptor:
    """The description of a queue: `{% find_queue name workspace as found %}`."""
    return _queues(context).get(workspace, name)


def describe(descriptor: Descriptor) -> str:
    """In one line: for a tooltip."""
    owner = f"Owner: {isolated_text(descriptor.owner)}" if descriptor.owner else ""
    parts = (isolated_text(descriptor.title), isolated_text(descriptor.description), owner)
    return ". ".join(part.rstrip(".") for part in parts if part)


def _label(name: str, descriptor: Descriptor, show: str, *, is_alone: bool = True) -> SafeString:
    text, known = describe(descriptor), visible_name(name)
    if not text and is_alone:
        return format_html("{}", known)
    label = format_html('<bdi title="{}">{}</bdi>', text, known)
    if not text:
        label = format_html("<bdi>{}</bdi>", known)
    if show == "title" and descriptor.title:
        label += format_html(' <span class="faint"><bdi>{}</bdi></span>', descriptor.title)
    return label


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
