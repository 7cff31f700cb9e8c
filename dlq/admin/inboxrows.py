"""The content of the failure inbox: its views, and a line for each group."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import QuerySet

from controlplane.core.admin.site import initials
from controlplane.core.cursors import Cursor, Sort
from controlplane.core.cursors import read_behind as read_rows
from controlplane.core.errors import Invalid
from controlplane.core.formatting import format_count, format_number
from controlplane.core.schema import represent_value
from dlq.admin.groupwords import describe_state, describe_trends, name_ticket
from dlq.filters import NOBODY, GroupFilter
from dlq.models import LetterGroup, Replay
from dlq.queries.groups import (
    MINE,
    TREND_STEP,
    GroupView,
    Trends,
    count_groups,
    describe_groups,
    list_letter_groups,
    read_trends,
)
from dlq.queries.replays import is_of_group, list_lately
from dlq.states import GroupState, ReplayState

PAGE = 50
_SORT = Sort.of("-lastSeenAt", "last_seen")
_PLACEHOLDER = re.compile(r"#|<(?:url|email|time|text|path)>")
_OF_CODE = (("release", "releases"), ("version", "versions"))
_EVERY = tuple(GroupState.values)
# The address of each view, its title, and the states that it shows.
VIEWS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "mine": ("Still mine", MINE),
    "open": ("Open", (GroupState.OPEN.value,)),
    "regressed": ("Regressed", (GroupState.REGRESSED.value,)),
    "acknowledged": ("Acknowledged", (GroupState.ACKNOWLEDGED.value,)),
    "muted": ("Muted", (GroupState.MUTED.value,)),
    "resolved": ("Resolved, 7 days", (GroupState.RESOLVED.value,)),
    "all": ("All", _EVERY),
}
SHAPES = {
    GroupState.OPEN: "bad",
    GroupState.REGRESSED: "regressed",
    GroupState.ACKNOWLEDGED: "acknowledged",
    GroupState.MUTED: "quiet",
    GroupState.RESOLVED: "good",
}


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose a group is, in words."""

    name: str
    initials: str
    is_me: bool

    @property
    def words(self) -> str:
        return "you" if self.is_me else self.name


@dataclass(frozen=True, slots=True)
class Line:
    """A group in the list."""

    view: GroupView
    bars: list[tuple[str, int, float]]
    trend: str
    owner: Owner | None
    replay: Replay | None = None  # that runs, otherwise the one that ended last

    @property
    def is_replayed(self) -> bool:
        """Whether a replay of it runs."""
        return self.replay is not None and self.replay.state == ReplayState.RUNNING

    @property
    def group(self) -> LetterGroup:
        return self.view.group

    @property
    def shape(self) -> str:
        return SHAPES[GroupState(self.group.state)]

    @property
    def tone(self) -> str:
        """The colour of the bars: only what is wrong now has one."""
        is_wrong = self.group.state in (GroupState.OPEN, GroupState.REGRESSED)
        return "failed" if is_wrong else "soft"

    @property
    def name(self) -> str:
        return self.group.error_class or self.group.get_category_display()

    @property
    def message(self) -> str:
        """With an ellipsis where the letters differ."""
        shown = represent_value("error", {"message": self.view.message}, None) or {}
        return _PLACEHOLDER.sub("…", str(shown.get("message") or ""))

    @property
    def since(self) -> str:
        return describe_state(self.view)

    @property
    def ticket(self) -> str:
        return name_ticket(self.group.ticket)


@dataclass(frozen=True, slots=True)
class Tab:
    key: str
    title: str
    count: str
    url: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class Inbox:
    """A page of the list."""

    lines: list[Line]
    tabs: list[Tab]
    sentence: tuple[str, str]
    head: str
    note: str
    next_cursor: str
    shows_new: bool  # the groups with the newest deaths are in this list
    known: "Known"


@dataclass(frozen=True, slots=True)
class Known:
    """What the list has read, which the panel beside it shows, too."""

    views: Mapping[UUID, GroupView]
    trends: Trends
    replays: Sequence[Replay]


def read_inbox(
    workspace_id: UUID,
    username: str,
    *,
    view: str,
    conditions: Mapping[str, Any],
    cursor: str,
    kept: Mapping[str, str],
    chosen: LetterGroup | None = None,
) -> Inbox:
    """A page of the groups of a view, in a fixed number of queries. `conditions` narrow it; `kept`
    are parameters of the address; `chosen` is the group beside the list. Raises Invalid."""
    rows = list_view(workspace_id, username, view=view, conditions=conditions)
    behind = Cursor.decode(cursor, _SORT, LetterGroup) if cursor else None
    found, _ = read_rows(rows, _SORT, behind, 0, PAGE + 1)
    groups = found[:PAGE]
    known = read_known(workspace_id, groups if chosen is None else [*groups, chosen])
    trends = known.trends
    lines = [make_line(known.views[each.id], known, username) for each in groups]
    counts = count_groups(workspace_id, username)
    return Inbox(
        lines=lines,
        tabs=_tabs(view, counts, kept),
        sentence=(_describe_mine(counts["mine"]), _describe_hour(trends)),
        head=_describe_page(lines, is_whole=not behind and len(found) <= PAGE),
        note=describe_trends(trends),
        next_cursor=Cursor.at(groups[-1], _SORT, 1).encode() if len(found) > PAGE else "",
        shows_new=behind is None,
        known=known,
    )


def read_known(workspace_id: UUID, groups: Sequence[LetterGroup]) -> Known:
    """What the lines of these groups show."""
    once = list({group.id: group for group in groups}.values())
    return Known(
        views={view.group.id: view for view in describe_groups(once)},
        trends=read_trends(workspace_id, once),
        replays=list_lately(workspace_id),
    )


def list_view(
    workspace_id: UUID, username: str, *, view: str, conditions: Mapping[str, Any]
) -> QuerySet[LetterGroup]:
    """The groups of a view."""
    return list_letter_groups(workspace_id, replace(_filter_of(view, username), **conditions))


def _filter_of(view: str, username: str) -> GroupFilter:
    owners = (username, NOBODY) if view == "mine" else ()
    return GroupFilter(states=VIEWS[view][1], owners=owners)


def make_line(view: GroupView, known: Known, username: str) -> Line:
    """The line of one group."""
    trends = known.trends
    bars = trends.of(view.group)
    total, most = format_count(sum(bars), "death"), max([*bars, 1])
    return Line(
        view=view,
        bars=[
            (_time_of(trends, number), value, 100 * value / most)
            for number, value in enumerate(bars)
        ],
        trend=f"{total} in the last hour, at most {max(bars)} in three minutes",
        owner=describe_owner(view.group, username),
        replay=next((each for each in known.replays if is_of_group(each, view.group)), None),
    )


def describe_owner(group: LetterGroup, username: str) -> Owner | None:
    """The owner; None if there is none."""
    if group.owner is None:
        return None
    known = group.owner.get_username()
    name = group.owner.get_full_name() or known
    return Owner(name, initials(name), known == username)


def _tabs(view: str, counts: Mapping[str, int], kept: Mapping[str, str]) -> list[Tab]:
    return [
        Tab(
            key=key,
            title=title,
            count=format_number(counts[key if key in counts else key.upper()]),
            url=f"?{urlencode({**kept, 'view': key})}",
            is_current=key == view,
        )
        for key, (title, _) in VIEWS.items()
    ]


def _describe_mine(number: int) -> str:
    if not number:
        return "No group is still yours."
    return f"{format_count(number, 'group is', 'groups are')} still yours."


def _describe_hour(trends: Trends) -> str:
    """What most letters of the last hour have in common."""
    largest = max((sum(bars) for bars in trends.bars.values()), default=0)
    if largest < 2 or largest * 2 < trends.total:
        return ""
    of = "newest letters" if trends.is_partial else "letters of the last hour"
    return f"{format_number(largest)} of the {format_number(trends.total)} {of} have one cause."


def _describe_page(lines: Sequence[Line], *, is_whole: bool) -> str:
    letters = format_count(sum(line.view.count for line in lines), "open letter")
    groups = format_count(len(lines), "group")
    return f"{groups}, {letters}" if is_whole else f"{groups} of more, {letters}"


def _time_of(trends: Trends, number: int) -> str:
    return f"{trends.begin + number * TREND_STEP:%H:%M}"


def read_conditions(params: Mapping[str, str]) -> dict[str, Any]:
    """The conditions of the address that narrow a view. Raises Invalid."""
    found: dict[str, Any] = {}
    for name, column in (("type", "types"), ("category", "categories"), *_OF_CODE):
        if value := params.get(name, ""):
            found[column] = (value[:200],)
    if text := params.get("q", "").strip():
        found["search"] = text[:200]
    if any("\x00" in str(value) for value in found.values()):
        raise Invalid("A search is text without NUL.")
    return found
