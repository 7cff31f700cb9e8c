"""Undo of a decision about a group."""

from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.dateparse import parse_datetime

from controlplane.core.clock import now
from controlplane.core.undo import ActAs, Undone, register_undo
from controlplane.core.visibletext import isolated_text
from dlq.groups import Decision, decide
from dlq.models import LetterGroup
from dlq.states import GroupState

KIND = "failure-group"


def decision_change(before: LetterGroup, after: LetterGroup) -> dict[str, Any]:
    """What `undo_decision` needs."""
    until = before.muted_until
    mutes = [(each.muted_until, each.muted_above) for each in (before, after)]
    return {
        "workspace": str(before.workspace_id),
        "group": str(before.id),
        "version": after.version,
        "state": str(before.state) if before.state != after.state or mutes[0] != mutes[1] else None,
        "state_reason": before.state_reason,
        "acknowledged_deaths": before.acknowledged_deaths,
        "owner": before.owner and before.owner.get_username(),
        "ticket": before.ticket,
        "muted_until": until.isoformat() if until is not None else None,
        "muted_above": before.muted_above,
    }


@transaction.atomic
def decide_with_undo(
    *, workspace_id: UUID, group_id: UUID, **asked: Any
) -> tuple[LetterGroup, dict[str, Any] | None]:
    """Change a group as the service does. Returns it with what `undo_decision` needs; None if
    nothing was changed."""
    groups = LetterGroup.objects.select_for_update(no_key=True)
    before = groups.filter(workspace_id=workspace_id, id=group_id).first()
    after = decide(workspace_id=workspace_id, group_id=group_id, **asked)
    is_changed = before is not None and before.version != after.version
    return after, decision_change(before, after) if before and is_changed else None


@register_undo(KIND, scope="dlq:write")
def undo_decision(act_as: ActAs, values: dict[str, Any]) -> Undone:
    """What the group was before, unless somebody has decided something else since."""
    workspace_id = UUID(values["workspace"])
    is_muted = values["state"] == GroupState.MUTED
    until = parse_datetime(values["muted_until"]) if values["muted_until"] else None
    if until is not None and until <= now():
        until = None
    group = decide(
        workspace_id=workspace_id,
        group_id=UUID(values["group"]),
        decision=Decision(
            state=values["state"],
            owner=values["owner"],
            ticket=values["ticket"],
            muted_until=until if is_muted else None,
            muted_above=values["muted_above"] if is_muted else None,
            # The release before kept neither.
            state_reason=values.get("state_reason", "") if values["state"] else "",
            acknowledged_deaths=values.get("acknowledged_deaths"),
            restores=True,
        ),
        actor=act_as(workspace_id),
        seen_version=values["version"],
    )
    return Undone(f"Undone: {isolated_text(group)}.")
