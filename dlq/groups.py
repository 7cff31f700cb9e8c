"""What people decide about groups of letters: state, owner, ticket, notes.

Every decision names what it changes, is audited, and can name the version of the group that the
person has seen: then a decision of somebody else in between is a conflict, not overwritten.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.contrib.auth import get_user_model
from django.db import transaction

from controlplane.core.addresses import is_web_address
from controlplane.core.clock import now, utc_z
from controlplane.core.errors import Conflict, FieldError, Invalid
from controlplane.core.formatting import format_count, format_time
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.queries import list_events_of
from controlplane.workspaces.services import record_audit
from dlq import transitions
from dlq.grouping import TARGET
from dlq.models import GroupNote, LetterGroup
from dlq.queries.groups import describe_groups, get_group, has_open_letters, has_work_left
from dlq.queries.owners import find_owner
from dlq.states import SETTABLE, GroupState

MAX_NOTE = 4_000
MAX_NOTES = 500  # of a group
MAX_TICKET = 500
_MAX_NAMED = 200  # characters of a note in the audit log


class _Kept:
    """The value stays."""


KEPT: Final = _Kept()


@dataclass(frozen=True, slots=True)
class Decision:
    """What shall be different. `muted_until` and `muted_above` (more open letters) end a mute;
    `owner` is a user name, and None is nobody; an empty ticket is none. `restores`: it undoes
    another decision, and may give the group back any state, the reason of a state and the deaths
    at which it was acknowledged."""

    state: str | None = None
    owner: str | _Kept | None = KEPT
    ticket: str | _Kept = KEPT
    muted_until: datetime | None = None
    muted_above: int | None = None
    note: str = ""
    restores: bool = False
    state_reason: str = ""
    acknowledged_deaths: int | None = None


@transaction.atomic
def decide(
    *,
    workspace_id: UUID,
    group_id: UUID,
    decision: Decision,
    actor: Actor,
    seen_version: int | None = None,
) -> LetterGroup:
    """Change a group. What it is already stays without an event in the audit log; a note is always
    added.

    Raises:
        NotFound: the workspace has no such group.
        Conflict: somebody has changed it since `seen_version`; its state does not allow the new
            one; it has too many notes.
        Invalid: a value cannot be accepted; each error names its field.
    """
    get_group(workspace_id, group_id)
    group = transitions.lock_group(workspace_id, group_id)
    if seen_version is not None and seen_version != group.version:
        raise Conflict(_who_was_first(group))
    columns, errors = _read_columns(group, decision)
    if errors:
        raise Invalid(errors=errors)
    state = _next_state(group, decision)
    if state is not None:
        columns |= _columns_of_state(group, state, decision)
    changes = {name: value for name, value in columns.items() if getattr(group, name) != value}
    note = decision.note.strip()
    if state is not None or changes:
        transitions.decide_group(group, state=state, by=actor.label, **changes)
    if note:
        _add_note(group, note, actor)
    if state is not None or changes or note:
        detail = _describe(group, state, changes, note)
        record_audit(
            workspace_id, actor, _action(decision, state, changes), TARGET, group_id, detail
        )
    return get_group(workspace_id, group_id)


def _read_columns(
    group: LetterGroup, decision: Decision
) -> tuple[dict[str, Any], list[FieldError]]:
    columns: dict[str, Any] = {}
    errors: list[FieldError] = []
    known = group.owner and group.owner.get_username()
    # Somebody who has left the workspace stays the owner until somebody else is named.
    if not isinstance(decision.owner, _Kept) and decision.owner != known:
        columns["owner_id"] = None
        if decision.owner is not None:
            columns["owner_id"] = find_owner(group.workspace_id, decision.owner)
            if columns["owner_id"] is None:
                message = f"{decision.owner[:200]!r} is no member of the workspace."
                errors.append({"field": "owner", "message": message})
        columns["owned_at"] = now() if columns["owner_id"] is not None else None
    if not isinstance(decision.ticket, _Kept):
        columns["ticket"] = decision.ticket.strip()
        if (problem := check_ticket(columns["ticket"])) is not None:
            errors.append({"field": "ticket", "message": problem})
    if len(decision.note) > MAX_NOTE or "\x00" in decision.note:
        message = f"A note has at most {MAX_NOTE} characters, without NUL."
        errors.append({"field": "note", "message": message})
    return columns, [*errors, *_check_mute(decision)]


def check_ticket(ticket: str) -> str | None:
    """What is wrong with the address of a ticket; None for a good one, or none."""
    if ticket and not is_web_address(ticket, MAX_TICKET):
        return (
            f"An address that begins with http:// or https://, of at most {MAX_TICKET} characters."
        )
    return None


def _check_mute(decision: Decision) -> list[FieldError]:
    has_end = decision.muted_until is not None or decision.muted_above is not None
    if decision.state != GroupState.MUTED:
        if has_end:
            return [{"field": "mutedUntil", "message": "It belongs to the state MUTED: set that."}]
        return []
    if not has_end:
        message = "Say when the mute ends: mutedUntil, mutedAbove, or both."
        return [{"field": "mutedUntil", "message": message}]
    if decision.muted_until is not None and decision.muted_until <= now():
        return [{"field": "mutedUntil", "message": "This time has passed."}]
    if decision.muted_above is not None and decision.muted_above < 1:
        return [{"field": "mutedAbove", "message": "A whole number from 1."}]
    return []


def _next_state(group: LetterGroup, decision: Decision) -> GroupState | None:
    """The new state; None if it stays. Raises Conflict, Invalid."""
    if decision.state is None:
        return None
    if decision.state not in (GroupState.values if decision.restores else SETTABLE):
        message = f"One of {', '.join(sorted(SETTABLE))}."
        raise Invalid(errors=[{"field": "state", "message": message}])
    state = GroupState(decision.state)
    if state == group.state and state != GroupState.MUTED:
        return None
    if state == GroupState.RESOLVED and has_open_letters(group):
        (view,) = describe_groups([group])
        count = format_count(view.count, "letter is", "letters are")
        raise Conflict(f"{count} open: reprocess or discard them first.")
    if state != GroupState.RESOLVED and not decision.restores:
        _refuse_resolved(group, state)
    return state


def _refuse_resolved(group: LetterGroup, state: GroupState) -> None:
    """Raises Conflict for a resolved group, unless it is reopened, and where the dispatcher would
    resolve it again at once."""
    is_resolved = group.state == GroupState.RESOLVED
    if (is_resolved or state != GroupState.MUTED) and not has_work_left(group):
        first = "" if is_resolved else "resolve it, and "
        raise Conflict(
            f"No letter is open, and no work is left: {first}it reopens by itself with the next "
            "death, as a regression."
        )
    if is_resolved and state != GroupState.OPEN:
        raise Conflict("The group is resolved: reopen it first.")


def _columns_of_state(group: LetterGroup, state: GroupState, decision: Decision) -> dict[str, Any]:
    is_muted = state == GroupState.MUTED
    columns: dict[str, Any] = {
        "muted_until": decision.muted_until if is_muted else None,
        "muted_above": decision.muted_above if is_muted else None,
        "state_reason": decision.note.strip() or decision.state_reason,
        "acknowledged_deaths": decision.acknowledged_deaths,
    }
    if state == GroupState.ACKNOWLEDGED and decision.acknowledged_deaths is None:
        (view,) = describe_groups([group])
        columns["acknowledged_deaths"] = view.deaths
    return columns


def _add_note(group: LetterGroup, text: str, actor: Actor) -> None:
    if GroupNote.objects.filter(group=group).count() >= MAX_NOTES:
        raise Conflict(f"The group has {MAX_NOTES} notes, which is the limit.")
    GroupNote.objects.create(group=group, text=text, author=actor.label[:200])


def _action(decision: Decision, state: GroupState | None, changes: Mapping[str, Any]) -> str:
    """The name of the event: that of the most important change."""
    if decision.restores:
        return "dlq.group_undo"
    if state is not None:
        words = {
            GroupState.ACKNOWLEDGED: "acknowledge",
            GroupState.MUTED: "mute",
            GroupState.RESOLVED: "resolve",
            GroupState.OPEN: "reopen",
        }
        return f"dlq.group_{words[state]}"
    if "owner_id" in changes:
        return "dlq.group_assign"
    return "dlq.group_ticket" if "ticket" in changes else "dlq.group_note"


def _describe(
    group: LetterGroup, state: GroupState | None, changes: Mapping[str, Any], note: str
) -> dict[str, Any]:
    """The detail of the event: what was and what is."""
    detail: dict[str, Any] = {"fingerprint": group.fingerprint, "type": group.type}
    if state is not None:
        detail |= {"from": str(group.state), "to": state.value}
    if "owner_id" in changes:
        users = get_user_model().objects.filter(pk=changes["owner_id"])
        detail["owner"] = users.values_list("username", flat=True).first()
        detail["before"] = {"owner": group.owner and group.owner.get_username()}
    if "ticket" in changes:
        detail["ticket"] = changes["ticket"]
        detail["before"] = {**detail.get("before", {}), "ticket": group.ticket}
    if state == GroupState.MUTED:
        until = changes.get("muted_until", group.muted_until)
        above = changes.get("muted_above", group.muted_above)
        detail |= {"mutedUntil": until and utc_z(until), "mutedAbove": above}
    if note:
        detail["note"] = note[:_MAX_NAMED]
    return detail


_PAST = {
    "dlq.group_acknowledge": "acknowledged it",
    "dlq.group_mute": "muted it",
    "dlq.group_resolve": "resolved it",
    "dlq.group_reopen": "reopened it",
    "dlq.group_undo": "undid a decision",
    "dlq.group_assign": "changed its owner",
    "dlq.group_ticket": "changed its ticket",
    "dlq.group_regress": "reopened it after a new death",
    "dlq.group_unmute": "ended its mute",
}


def _who_was_first(group: LetterGroup) -> str:
    """Who has changed the group, and how."""
    events = list_events_of(group.workspace_id, TARGET, str(group.id))
    last = events.filter(action__in=_PAST).order_by("-id").first()
    if last is None:
        return "The group has changed: look at it again."
    when = format_time(last.created_at)
    return f"{last.actor_label} {_PAST[last.action]} at {when}: look at the group again."
