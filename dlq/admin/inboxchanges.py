"""What an open inbox asks for when groups have changed: its rows as they are, and how many groups
of its view have come since it was drawn."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import Q

from controlplane.core.admin.newrows import NEW_LIMIT, describe_new
from controlplane.core.admin.shapes import name_shape
from controlplane.core.clock import parse_time, utc_z
from controlplane.core.errors import Invalid
from controlplane.core.ids import parse_uuid_or_none
from dlq.admin.groupwords import describe_state, name_ticket
from dlq.admin.inboxrows import PAGE, SHAPES, describe_owner, list_view, read_conditions
from dlq.filters import GroupFilter
from dlq.queries.groups import GroupView, describe_groups, list_letter_groups
from dlq.states import GroupState


def changes_query(kept: Mapping[str, str], since: datetime | None) -> str:
    """The query of its address: `since` is when the list was read, for one that shows the newest
    groups. The page adds `ids`, those of its rows."""
    return urlencode(kept if since is None else {**kept, "since": utc_z(since)})


def describe_changes(
    workspace_id: UUID, username: str, *, view: str, params: Mapping[str, str]
) -> dict[str, Any]:
    """The answer as JSON values. Without `since` nothing counts as new. Raises Invalid."""
    given = params.get("ids", "").split(",")[:PAGE]
    ids = [found for each in given if (found := parse_uuid_or_none(each))]
    every = list_letter_groups(workspace_id, GroupFilter(states=tuple(GroupState.values)))
    views = describe_groups(list(every.filter(id__in=ids)))
    newer = 0
    if "since" in params:
        newer = _count_newer(workspace_id, username, view, params, ids)
    return {
        "rows": {str(each.group.id): _describe(each, username) for each in views},
        "newer": describe_new(newer),
    }


def _count_newer(
    workspace_id: UUID, username: str, view: str, params: Mapping[str, str], ids: Sequence[UUID]
) -> int:
    """Groups that came into the view: into that of all when they were made, into another one with
    their state."""
    try:
        since = parse_time(params["since"])
    except ValueError as error:
        raise Invalid(f"since: {error}") from error
    groups = list_view(workspace_id, username, view=view, conditions=read_conditions(params))
    came = Q(first_seen__gt=since) if view == "all" else Q(state_at__gt=since)
    return len(groups.filter(came).exclude(id__in=ids).values_list("id")[:NEW_LIMIT])


def _describe(view: GroupView, username: str) -> dict[str, Any]:
    group, owner = view.group, describe_owner(view.group, username)
    return {
        "version": group.version,
        **name_shape(SHAPES[GroupState(group.state)]),
        "word": group.get_state_display(),
        "since": describe_state(view),
        "owner": owner and {"words": owner.words, "initials": owner.initials},
        "ticket": group.ticket and {"url": group.ticket, "text": name_ticket(group.ticket)},
    }
