"""Undo of a decision about a group: what it was before is kept in the session until the next
decision."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest
from django.utils.dateparse import parse_datetime

from controlplane.core.clock import now
from dlq.groups import Decision
from dlq.models import LetterGroup
from dlq.states import GroupState

_KEY = "dlq_undo"


def offer_undo(request: HttpRequest, before: LetterGroup, after: LetterGroup, text: str) -> None:
    """Keep what the group was; the next page shows `text` with a button."""
    until = before.muted_until
    request.session[_KEY] = {
        "group": str(before.id),
        "text": text,
        "version": after.version,
        "state": str(before.state) if before.state != after.state else None,
        "owner": before.owner and before.owner.get_username(),
        "ticket": before.ticket,
        "muted_until": until.isoformat() if until is not None else None,
        "muted_above": before.muted_above,
        "is_shown": False,
    }


def take_undo(request: HttpRequest) -> dict[str, Any] | None:
    """What the page offers, once."""
    kept = request.session.get(_KEY)
    if not isinstance(kept, dict) or kept.get("is_shown"):
        return None
    request.session[_KEY] = {**kept, "is_shown": True}
    return {"group": UUID(kept["group"]), "text": kept["text"]}


def forget_undo(request: HttpRequest, group: LetterGroup) -> tuple[Decision, int] | None:
    """The decision that restores the group, and the version that it is about; None if the session
    has none for this group."""
    kept = request.session.pop(_KEY, None)
    if not isinstance(kept, dict) or kept["group"] != str(group.id):
        return None
    until = parse_datetime(kept["muted_until"]) if kept["muted_until"] else None
    if until is not None and until <= now():
        until = None
    decision = Decision(
        state=kept["state"],
        owner=kept["owner"],
        ticket=kept["ticket"],
        muted_until=until if kept["state"] == GroupState.MUTED else None,
        muted_above=kept["muted_above"] if kept["state"] == GroupState.MUTED else None,
        restores=True,
    )
    return decision, kept["version"]
