"""Tags and filters of the pages: icons, states, figures, times, small pictures, the trail."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django import template
from django.urls import NoReverseMatch, get_script_prefix, reverse
from django.utils.html import format_html, format_html_join
from django.utils.text import capfirst

from controlplane.core.admin.display import (
    badge,
    draw_bar,
    draw_shape,
    draw_symbol,
    json_html,
    show_time,
)
from controlplane.core.admin.shapes import find_shape
from controlplane.core.clock import now, utc_z
from controlplane.core.formatting import (
    format_compact,
    format_duration,
    format_milliseconds,
    format_number,
    format_percent,
    format_rate,
    format_short_id,
    format_size,
    format_time,
    format_whole,
)
from controlplane.core.visibletext import isolated_text, visible_name

register = template.Library()

register.filter("exact", format_number)
register.filter("whole", format_whole)
register.filter("duration", format_duration)
register.filter("milliseconds", format_milliseconds)
register.filter("rate", format_rate)
register.filter("percent", format_percent)
register.filter("size", format_size)
register.filter("clock", format_time)
register.filter("iso", utc_z)
register.filter("short_id", format_short_id)
register.filter("isolated", isolated_text)
register.filter("named", visible_name)
register.filter("json_html", json_html)


@register.filter
def figure(value: Any) -> str:
    """As `format_compact`; the exact number is in the title of one that is shortened."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return format_number(value)
    shown, exact = format_compact(value), format_number(value)
    return shown if shown == exact else format_html('<span title="{}">{}</span>', exact, shown)


@register.filter
def span(name: str) -> str:
    """The name of a span of time as people read it: `15 min` for `15m`, `6 h` for `6h`."""
    number, unit = name[:-1], name[-1:]
    return f"{number} {'min' if unit == 'm' else unit}"


@register.filter
def moment(value: datetime | None, live: str = "") -> str:
    """A time, relative to now; the exact time is in its title. With the path of a live topic, as
    in `#lastSeenAt`, it follows."""
    return show_time(value, live)


register.simple_tag(draw_shape, name="shape")
register.simple_tag(draw_bar, name="bar")
register.simple_tag(badge, name="state")


@register.filter
def path_key(key: object) -> str:
    """A key in the path of a live topic, as controlplane/live/changes.py writes it."""
    return str(key).replace("~", "~0").replace("/", "~1")


@register.filter
def tone(value: str) -> str:
    """The class that gives the colour of a state to bars and lines."""
    return f"tone-{find_shape(value).tone}"


@register.simple_tag
def icon(name: str, css_class: str = "") -> str:
    return draw_symbol(f"i-{name}", f"icon {css_class}".strip())


@register.simple_tag
def time_now() -> str:
    """When the template has come this far, as live messages write times."""
    return utc_z(now())


@register.inclusion_tag("admin/kit/as_of.html", takes_context=True)
def as_of(context: template.Context) -> dict[str, Any]:
    """When the page was drawn, for the parts of it that are not live, and a link that draws it
    again. A page that answers a form has no address of its own."""
    request = context["request"]
    return {"at": now(), "address": request.get_full_path() if request.method == "GET" else ""}


@register.simple_tag
def root() -> str:
    """The path below which everything is: `/`, or the prefix of a proxy."""
    return get_script_prefix()


@register.simple_tag
def logo() -> str:
    return draw_symbol("logo", "logo")


@register.simple_tag
def bar_chart(columns: Sequence[tuple[str, Any, float]], label: str) -> str:
    """Upright bars of (name, figure, height in percent); `label` describes them."""
    width = 100 / max(1, len(columns))
    bars = format_html_join(
        "",
        '<rect x="{}%" y="{}%" width="{}%" height="{}%" rx="1"><title>{}: {}</title></rect>',
        (
            (f"{index * width:.2f}", 100 - height, f"{width * 0.8:.2f}", height, name, figure)
            for index, (name, figure, height) in enumerate(columns)
        ),
    )
    return format_html('<svg class="bar-chart" role="img" aria-label="{}">{}</svg>', label, bars)


@register.simple_tag(takes_context=True)
def page_title(context: template.Context) -> str:
    """The heading of a page: what the view says, the name of a list, the row of a row's page, or
    the view's title."""
    if "heading" in context:
        return str(context["heading"])
    title = str(context.get("title") or "")
    changes = context.get("cl")
    if changes is not None:
        return str(capfirst(changes.opts.verbose_name_plural))
    if context.get("original") is not None and not context.get("back"):
        return str(context["original"]) if context.get("change") else title
    return title


@register.simple_tag(takes_context=True)
def trail(context: template.Context) -> list[tuple[str, str]]:
    """The way to this page: (title, address), the last without an address. A view may set `trail`
    itself; otherwise it comes from the sidebar, the list, the row and the title."""
    if "trail" in context:
        return list(context["trail"])
    frame, request = context.get("frame"), context.get("request")
    current = frame.current if frame is not None else None
    found = [(current.entry.title, current.url)] if current else []
    options = getattr(context.get("cl"), "opts", None) or context.get("opts")
    if options is not None:
        address = reverse(f"admin:{options.app_label}_{options.model_name}_changelist")
        name = capfirst(options.verbose_name_plural)
        if found and found[-1][0] == name:
            found[-1] = (name, address)
        elif all(address != known for _, known in found):
            found.append((name, address))
    if context.get("original") is not None and context.get("back"):
        found.append((str(context["original"]), context["back"]))
    here = request.path if request is not None else ""
    above = [each for each in found if each[1] != here]
    return [*above, (page_title(context) or (current.entry.title if current else ""), "")]


@register.simple_tag(takes_context=True)
def history_url(context: template.Context) -> str:
    """The history of the object that the page shows; empty for other pages. A page may have
    `history_of`, where the object is not its row."""
    row = context.get("history_of") or context.get("original")
    options = getattr(row, "_meta", None)
    request = context.get("request")
    match = request.resolver_match if request is not None else None
    if (
        row is None
        or options is None
        or match is None
        or (match.url_name or "").endswith("_history")
    ):
        return ""
    try:
        return reverse(f"admin:{options.app_label}_{options.model_name}_history", args=[row.pk])
    except NoReverseMatch:
        return ""
