"""Filters of the pages of tasks."""

from datetime import UTC, datetime

from django import template
from django.utils.html import format_html

from controlplane.core.admin.shapes import find_shape
from controlplane.core.clock import now, utc_z
from controlplane.core.formatting import EMPTY, format_duration, format_time

register = template.Library()


@register.filter
def clock(moment: datetime | None) -> str:
    """The time of day, with the date unless it is today's; the zone is in the title."""
    if moment is None:
        return EMPTY
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        utc_z(moment),
        format_time(moment),
        clock_text(moment),
    )


def clock_text(moment: datetime) -> str:
    """`03:05:21`, or `2026-01-31 03:05:21 UTC` if that was not today."""
    moment = moment.astimezone(UTC)
    return f"{moment:%H:%M:%S}" if moment.date() == now().date() else format_time(moment)


@register.filter
def clock_exact(moment: datetime) -> str:
    """As `clock`, to the millisecond."""
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        utc_z(moment),
        format_time(moment),
        exact_clock_text(moment),
    )


def exact_clock_text(moment: datetime) -> str:
    """As `clock_text`, to the millisecond."""
    moment = moment.astimezone(UTC)
    clock = f"{moment:%H:%M:%S.%f}"[:-3]
    return clock if moment.date() == now().date() else f"{moment:%Y-%m-%d} {clock} UTC"


@register.simple_tag
def tone(state: str) -> str:
    """The name of a state's colour."""
    return find_shape(state).tone


@register.filter
def milliseconds(number: int | None) -> str:
    """A number of milliseconds as a duration."""
    return EMPTY if number is None else format_duration(number / 1_000)
