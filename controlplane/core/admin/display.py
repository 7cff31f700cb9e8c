"""Pieces of pages: badges, times, links, bars, and tables that a template draws.

A badge's text is complete; its shape and colour only repeat it: see `shapes.py`.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.templatetags.static import static
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from controlplane.core.admin.shapes import find_shape, state_word
from controlplane.core.clock import now, utc_z
from controlplane.core.formatting import (
    EMPTY,
    format_json,
    format_relative,
    format_short_id,
    format_time,
)
from controlplane.core.visibletext import reads_from_right


def draw_symbol(symbol: str, css_class: str) -> str:
    """A picture of the sprite, hidden from screen readers: the words are beside it."""
    return format_html(
        '<svg class="{}" aria-hidden="true"><use href="{}#{}"></use></svg>',
        css_class,
        static("dashboard/icons.svg"),
        symbol,
    )


def draw_shape(state: str, css_class: str = "") -> str:
    """The shape of a state, without its word."""
    shape = find_shape(state)
    return draw_symbol(f"state-{shape.name}", f"shape tone-{shape.tone} {css_class}".strip())


def badge(state: str | None, text: str = "", *, colour: str = "") -> str:
    """The shape of a state with its word or another text. `colour` (good, bad, busy, waiting,
    quiet) replaces the state's shape where it would mislead."""
    if not state:
        return EMPTY
    return format_html(
        '<span class="state">{}<span class="state-word">{}</span></span>',
        draw_shape(colour or state),
        text or state_word(state),
    )


def draw_bar(share: float | None, tone: str = "series", css_class: str = "") -> str:
    """A bar that is filled by a share of 1. Its figure stands beside it in words."""
    width = min(1.0, max(0.0, share or 0.0)) * 100
    return format_html(
        '<svg class="{}" aria-hidden="true"><rect class="bar-track" width="100%" height="100%" '
        'rx="2"/><rect class="bar-fill" width="{}%" height="100%" rx="2"/></svg>',
        f"bar tone-{tone} {css_class}".strip(),
        f"{width:.1f}",
    )


def show_time(moment: datetime | None, live: str = "") -> str:
    """A time relative to now; the exact time with its zone is in the tooltip. `live` is its path in
    a topic, as static/dashboard/bind.js reads it."""
    if moment is None:
        return EMPTY
    return format_html(
        '<time datetime="{}" title="{}"{}>{}</time>',
        utc_z(moment),
        format_time(moment),
        format_html(' data-live="{}" data-format="ago"', live) if live else "",
        format_relative(moment, now()),
    )


def time_column(
    name: str, title: str = "", *, is_sortable: bool = False, order_by: str = ""
) -> Callable[[Any], str]:
    """A column of a list that shows the times of a field by `show_time`. `order_by` is a column
    that gives the same order, and has an index where the time has none."""

    def column(row: Any) -> str:
        return show_time(getattr(row, name))

    column.__name__ = name  # the admin's CSS class: field-<name>
    ordering = order_by or (name if is_sortable else None)
    return admin.display(description=title or name.removesuffix("_at"), ordering=ordering)(column)


@admin.display(description="ID")
def short_id(row: Any) -> str:
    return format_short_id(row.pk)


def link(page: str, pk: Any, text: Any) -> str:
    """A link to the page of a row; `page` is `<app>_<model>`. Without an id nothing."""
    if pk is None:
        return EMPTY
    return format_html('<a href="{}">{}</a>', reverse(f"admin:{page}_change", args=[pk]), text)


_JSON_TEXT = re.compile(r'("(?:[^"\\]|\\.)*")')


def json_html(text: str) -> str:
    """JSON in which a text from right to left does not change places with its key."""
    if not reads_from_right(text):
        return text
    parts = ((part, number % 2) for number, part in enumerate(_JSON_TEXT.split(text)))
    return format_html_join(
        "",
        "{}",
        ((format_html("<bdi>{}</bdi>", part) if is_text else part,) for part, is_text in parts),
    )


def show_json(value: Any) -> str:
    return EMPTY if value is None else format_html("<pre>{}</pre>", json_html(format_json(value)))


def folded(summary: str, text: str, *, is_open: bool = False) -> str:
    """A long text that is shown after a click."""
    return format_html(
        '<details{}><summary>{}</summary><pre tabindex="0">{}</pre></details>',
        SafeString(" open") if is_open else "",
        summary,
        text,
    )


@dataclass(frozen=True, slots=True)
class Table:
    """A section with a table. Without `columns` each row is a name and a value; the columns named
    in `numbers` are set as numbers."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    empty: str = "None."
    note: str = ""
    numbers: frozenset[str] = frozenset()

    @property
    def heads(self) -> list[tuple[str, bool]]:
        """Each column with whether it holds numbers."""
        return [(name, name in self.numbers) for name in self.columns]

    @property
    def lines(self) -> Iterator[list[tuple[Any, bool]]]:
        """Each row as cells, with whether they are numbers."""
        for row in self.rows:
            yield [
                (cell, bool(self.columns) and self.columns[n] in self.numbers)
                for n, cell in enumerate(row)
            ]


@dataclass(frozen=True, slots=True)
class Section:
    """A section with any content, such as a text or a picture."""

    title: str
    content: Any


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked before something that cannot be undone. A page asks it; where scripts run, a
    dialog asks in the same words: static/dashboard/confirm.js."""

    title: str
    text: str
    button: str


@dataclass(frozen=True, slots=True)
class Button:
    """A button that posts to an address. One with a question asks it first."""

    text: str
    url: str
    fields: dict[str, str] = field(default_factory=dict)
    question: Question | None = None


@dataclass(frozen=True, slots=True)
class Summary:
    """The header of a row's page: its state, the meaning of the state, and the most important
    figures."""

    badge: str
    lead: str = ""
    lines: Sequence[Any] = ()
    figures: Sequence[tuple[str, Any]] = ()
    links: Sequence[Any] = ()
    percent: float | None = None


_WIDTH, _HEIGHT = 360, 48


def sparkline(points: Sequence[tuple[float, float]], *, label: str) -> SafeString:
    """The line through points (time, value), from 0 to the greatest value; `label` describes it.
    Empty for fewer than two points."""
    if len(points) < 2:
        return SafeString("")
    first, last = points[0][0], points[-1][0]
    span = max(last - first, 1e-9)
    highest = max(value for _, value in points) or 1.0
    line = " ".join(
        f"{(at - first) / span * _WIDTH:.1f},{_HEIGHT - value / highest * (_HEIGHT - 2) - 1:.1f}"
        for at, value in points
    )
    return format_html(
        '<svg role="img" aria-label="{}" viewBox="0 0 {} {}" width="{}" height="{}">'
        '<polyline points="{}" fill="none" stroke="currentColor" stroke-width="1.5"/></svg>',
        label,
        _WIDTH,
        _HEIGHT,
        _WIDTH,
        _HEIGHT,
        line,
    )
