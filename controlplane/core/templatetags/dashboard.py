"""Tags and filters of the pages: icons, states, figures, times, small pictures, the trail."""

from collections.abc import Sequence
from datetime import datetime

from django import template
from django.templatetags.static import static
from django.urls import get_script_prefix, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst

from controlplane.core.admin.display import show_time
from controlplane.core.admin.shapes import find_shape, state_word
from controlplane.core.formatting import (
    EMPTY,
    format_duration,
    format_milliseconds,
    format_number,
    format_percent,
    format_rate,
    format_short_id,
    format_size,
)

register = template.Library()

register.filter("figure", format_number)
register.filter("duration", format_duration)
register.filter("milliseconds", format_milliseconds)
register.filter("rate", format_rate)
register.filter("percent", format_percent)
register.filter("size", format_size)
register.filter("short_id", format_short_id)


@register.filter
def moment(value: datetime | None) -> str:
    """A time, relative to now; the exact time is in its title."""
    return show_time(value)


@register.simple_tag
def icon(name: str, size: str = "") -> str:
    """A picture of the sprite, hidden from screen readers: the words are beside it."""
    return _picture(f"i-{name}", f"icon {size}".strip())


@register.simple_tag
def root() -> str:
    """The path below which everything is: `/`, or the prefix of a proxy."""
    return get_script_prefix()


@register.simple_tag
def logo() -> str:
    return _picture("logo", "logo")


@register.simple_tag
def shape(state: str, size: str = "") -> str:
    """The shape of a state, without its word."""
    found = find_shape(state)
    return _picture(f"state-{found.name}", f"shape tone-{found.tone} {size}".strip())


@register.simple_tag
def state(value: str | None, word: str = "") -> str:
    """The shape of a state with its word, or with another word."""
    if not value:
        return EMPTY
    return format_html(
        '<span class="state">{}<span class="state-word">{}</span></span>',
        shape(value),
        word or state_word(value),
    )


@register.simple_tag
def bar(share: float | None, tone: str = "series", css_class: str = "") -> str:
    """A bar that is filled by a share of 1. Its figure stands beside it in words."""
    width = min(1.0, max(0.0, share or 0.0)) * 100
    return format_html(
        '<svg class="bar tone-{} {}" aria-hidden="true"><rect class="bar-track" width="100%" '
        'height="100%" rx="2"/><rect class="bar-fill" width="{}%" height="100%" rx="2"/></svg>',
        tone,
        css_class,
        f"{width:.1f}",
    )


@register.simple_tag
def sparkline(values: Sequence[float | None], label: str, tone: str = "series") -> str:
    """A line from 0 to the greatest value; `label` says what it shows. None is a gap."""
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return SafeString("")
    return format_html(
        '<svg class="sparkline tone-{}" role="img" aria-label="{}" viewBox="0 0 100 28" '
        'preserveAspectRatio="none"><path class="line" d="{}"/></svg>',
        tone,
        label,
        _line(values, max(known) or 1.0),
    )


@register.simple_tag(takes_context=True)
def page_title(context: template.Context) -> str:
    """The heading of a page: the name of a list, the row of a row's page, or the view's title."""
    title = str(context.get("title") or "")
    changes = context.get("cl")
    if changes is not None:
        return capfirst(changes.opts.verbose_name_plural)
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
        if all(address != known for _, known in found):
            found.append((capfirst(options.verbose_name_plural), address))
    if context.get("original") is not None and context.get("back"):
        found.append((str(context["original"]), context["back"]))
    here = request.path if request is not None else ""
    above = [each for each in found if each[1] != here]
    return [*above, (page_title(context) or (current.entry.title if current else ""), "")]


def _picture(symbol: str, css_class: str) -> str:
    return format_html(
        '<svg class="{}" aria-hidden="true"><use href="{}#{}"></use></svg>',
        css_class,
        static("dashboard/icons.svg"),
        symbol,
    )


def _line(values: Sequence[float | None], most: float) -> str:
    step, parts, is_on = 100 / (len(values) - 1), [], False
    for index, value in enumerate(values):
        if value is not None:
            y = 27 - value / most * 26
            parts.append(f"{'L' if is_on else 'M'}{index * step:.2f} {y:.2f}")
        is_on = value is not None
    return "".join(parts)
