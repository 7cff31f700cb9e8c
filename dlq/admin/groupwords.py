"""Sentences about a group of letters."""

from datetime import datetime
from urllib.parse import urlsplit

from controlplane.core.clock import now
from controlplane.core.formatting import format_count, format_number, format_relative, shorten
from controlplane.core.visibletext import isolated_text
from dlq.models import LetterGroup
from dlq.queries.groups import TREND_LETTERS, TREND_STEP, GroupView, Trends
from dlq.states import GroupState

_MAX_TICKET = 40


def describe_state(view: GroupView) -> str:
    """Since when a group has its state, and by whom."""
    group = view.group
    by = f" by {isolated_text(group.state_by)}" if group.state_by else ""
    since = _moment(group.state_at)
    if group.state == GroupState.REGRESSED:
        return _describe_regression(group)
    back = "" if group.regressed_at is None else f"; {_describe_regression(group)}"
    if group.state == GroupState.ACKNOWLEDGED:
        grown = f", +{format_number(view.grown)} since" if view.grown else ""
        return f"{since}{by}{grown}{back}"
    if group.state == GroupState.MUTED:
        reason = isolated_text(shorten(group.state_reason, 80))
        return f"{describe_mute(group)}{by}{f': “{reason}”' if reason else ''}{back}"
    if group.state == GroupState.RESOLVED:
        return f"{since}{by}" if by else f"{since}: all work is done, or discarded"
    return f"since {_moment(group.first_seen)}{back}"


def _describe_regression(group: LetterGroup) -> str:
    versions = ", ".join(map(isolated_text, group.regressed_code))
    on = f" on {versions}" if versions else ""
    return f"was resolved, back {_moment(group.began_at)}{on}"


def describe_mute(group: LetterGroup) -> str:
    """When the mute ends."""
    ends = []
    if group.muted_until is not None:
        ends.append(f"until {group.muted_until:%Y-%m-%d %H:%M} UTC")
    if group.muted_above is not None:
        ends.append(f"up to {format_count(group.muted_above, 'open letter')}")
    return " or ".join(ends)


def name_ticket(address: str) -> str:
    """The last part of a ticket's address."""
    parts = urlsplit(address)
    last = parts.path.rstrip("/").rpartition("/")[2]
    return shorten(last or parts.netloc, _MAX_TICKET)


def describe_trends(trends: Trends) -> str:
    """What a bar is; deaths are counted among a bounded number of letters."""
    step = f"{int(TREND_STEP.total_seconds()) // 60} minutes"
    if not trends.is_partial:
        return f"deaths of the last hour, one bar for {step}"
    newest = format_number(TREND_LETTERS)
    return f"deaths of the last hour among the newest {newest} letters, one bar for {step}"


def _moment(at: datetime) -> str:
    return format_relative(at, now())
