"""When and where the letters of a group died: a chart, tables, and links to these letters."""

from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.http import urlencode

from controlplane.core.admin.bars import Histogram, draw_times
from controlplane.core.clock import utc_z
from controlplane.core.errors import Invalid
from controlplane.core.formatting import format_count, format_duration, format_number
from dlq.models import LetterGroup
from dlq.queries.spread import Places, Spread, read_spread
from dlq.states import LetterStatus

_TITLES = {
    "node": "Node of the last attempt",
    "release": "Release of your code",
    "version": "Version of Taskplane",
    "queue": "Queue",
}


@dataclass(frozen=True, slots=True)
class Place:
    """A row of a table. `url` is the list of these letters; empty if nothing selects them."""

    name: str
    number: int
    share: float
    url: str = ""


def letters_url(group: LetterGroup, **more: str) -> str:
    """The list of the group's letters."""
    of_group = {"fingerprint": group.fingerprint, "type": group.type}
    query = urlencode({"workspace": group.workspace.slug, **of_group, **more})
    return f"{reverse('admin:dlq_deadletter_changelist')}?{query}"


def describe_spread(group: LetterGroup) -> dict[str, Any]:
    """The context of both sections; nothing if no letter is open, and only that they are missing if
    reading takes too long: the rest of the page is of use without them."""
    try:
        spread = read_spread(group)
    except Invalid:
        return {"spread": None, "is_spread_slow": True}
    if spread is None:
        return {"spread": None}
    chart = _draw(spread)
    return {
        "spread": spread,
        "deaths": chart,
        "deaths_rows": _link_rows(group, spread, chart),
        "places": [
            (_TITLES[each.kind], _list_places(group, each, spread.total))
            for each in spread.places
            if any(name for name, _ in each.named)
        ],
        "letters_shown": _describe_total(spread),
    }


def _describe_total(spread: Spread) -> str:
    if spread.has_older:
        return f"the newest {format_number(spread.total)} open letters"
    return format_count(spread.total, "open letter")


def _draw(spread: Spread) -> Histogram:
    most = format_count(max(spread.counts), "letter")
    step = format_duration(spread.step.total_seconds())
    sentence = f"{_describe_total(spread)}, at most {most} in {step}"
    return draw_times(
        spread.begin, spread.step, spread.counts, sentence, what="Letters", tone="failed", height=96
    )


def _link_rows(group: LetterGroup, spread: Spread, chart: Histogram) -> list[tuple[Any, ...]]:
    """The rows of the chart's table, those with letters with the address of these."""
    found = []
    for number, (begin, end, count) in enumerate(chart.rows):
        at = spread.begin + number * spread.step
        span = {"since": utc_z(at), "died_at__lt": utc_z(at + spread.step)}
        url = _open_url(group, **span) if spread.counts[number] else ""
        found.append((begin, end, count, url))
    return found


def _list_places(group: LetterGroup, places: Places, total: int) -> list[Place]:
    found = [
        Place(name, number, number / total, _open_url(group, **{places.kind: name}))
        if name
        else Place("not known", number, number / total)
        for name, number in places.named
    ]
    if places.others:
        words = f"{format_number(places.more)} more"
        found.append(Place(words, places.others, places.others / total))
    return found


def _open_url(group: LetterGroup, **more: str) -> str:
    return letters_url(group, status__exact=LetterStatus.OPEN.value, **more)
