"""What the panel of one group shows."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse

from controlplane.core.formatting import format_count, format_number
from controlplane.core.schema import represent_value
from controlplane.core.visibletext import isolated_text
from dlq.admin.groupspread import describe_spread, letters_url
from dlq.admin.inboxrows import SHAPES, Known, make_line, read_known
from dlq.admin.replays import cancel_button
from dlq.differences import FieldDifference
from dlq.groupdetail import describe_group
from dlq.models import LetterGroup
from dlq.queries.causes import Cause
from dlq.queries.groups import has_work_left
from dlq.queries.owners import list_owners
from dlq.replayprogress import describe_progress, describe_stages
from dlq.states import GroupState

MEMBERS_SHOWN = 10


def describe_panel(
    request: HttpRequest, group: LetterGroup, known: Known | None = None
) -> dict[str, Any]:
    """The context of the panel. `known` is what the list beside it has read."""
    known = known or read_known(group.workspace_id, [group])
    detail = describe_group(group, None, view=known.views[group.id], trends=known.trends)
    user: Any = request.user
    line = make_line(detail.view, known, user.get_username())
    owner = group.owner.get_username() if group.owner else ""
    replay = line.replay
    return {
        "detail": detail,
        "line": line,
        "may_reopen": bool(detail.count) or has_work_left(group),
        "sample": describe_error(represent_value("error", detail.view.error, None) or {}),
        "causes": [(cause, _cause_url(request, cause)) for cause in detail.causes],
        "differing": [(each, describe_difference(each)) for each in detail.differences.differing],
        "same": [(each, describe_difference(each)) for each in detail.differences.equal],
        "members": detail.members[:MEMBERS_SHOWN],
        "members_url": letters_url(group),
        **describe_spread(group),
        "similar": [(each, SHAPES[GroupState(each.state)]) for each in detail.similar],
        "owners": list_owners(group.workspace_id, user.get_username(), owner),
        "replay": replay,
        "cancel_button": None if replay is None or replay.finished_at else cancel_button(replay),
        "stages": [] if replay is None else describe_stages(replay),
        "progress": "" if replay is None else describe_progress(replay),
    }


def describe_error(shown: Mapping[str, Any]) -> dict[str, str]:
    """The class, the message and the traceback of the newest letter."""
    names = {"name": "class", "text": "message", "trace": "traceback"}
    return {name: str(shown.get(field) or "") for name, field in names.items()}


def describe_difference(field: FieldDifference) -> str:
    """The values of a field of the payloads, in words."""
    if field.is_equal:
        return f"{isolated_text(field.values[0][0])} in all of them"
    if field.low is not None:
        found = f"{field.low} to {field.high}, {format_count(field.distinct, 'value')}"
    else:
        values = [
            f"{isolated_text(value)} ({format_number(number)})" for value, number in field.values
        ]
        rest = field.distinct - len(field.values)
        found = ", ".join([*values, f"{format_number(rest)} more"] if rest > 0 else values)
    return f"{found}; missing in {format_number(field.missing)}" if field.missing else found


def _cause_url(request: HttpRequest, cause: Cause) -> str:
    """The page of what changed, for those who may open it."""
    app, _, model = cause.page.partition("_")
    user: Any = request.user
    if not cause.page or not user.has_perm(f"{app}.view_{model}"):
        return ""
    try:
        return reverse(f"admin:{cause.page}_change", args=[cause.key])
    except NoReverseMatch:
        return ""
