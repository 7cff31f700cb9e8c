"""Events of the audit log as pages show them: who did what to which object, and what changed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.urls import reverse
from django.utils.http import urlencode

from controlplane.core.formatting import EMPTY, format_json
from controlplane.core.ids import parse_uuid_or_none
from controlplane.core.schema import represent
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.audit.changes import other_facts
from controlplane.workspaces.audit.kinds import (
    Found,
    Kind,
    find_kind,
    find_objects,
    noun_of,
    shorten,
    verb_of,
)
from controlplane.workspaces.models import AuditEvent
from controlplane.workspaces.schema import AuditEvent as AuditSchema
from controlplane.workspaces.states import ActorKind

# The columns of the list, by their names in an export.
COLUMNS = (
    ("createdAt", "When"),
    ("actor", "Who"),
    ("action", "What"),
    ("targetId", "Object"),
    ("changes", "Changed"),
    ("reason", "Reason"),
    ("door", "From"),
)
SHOWN_CHANGES = 2
_CHARACTERS = 200
_DOORS = {"page": "page", "api": "API", "command": "command line"}
_CAUSES = {"operation": "bulk operation", "replay": "replay"}


@dataclass(frozen=True, slots=True)
class ShownChange:
    """One field, with both values as texts."""

    field: str
    before: str
    after: str
    source: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One event. `object_url` is empty for an object that is gone, or that has no page; `cause` is
    what it was done for, with its page."""

    event: AuditEvent
    url: str
    at: datetime
    who: str
    who_kind: str
    who_url: str
    verb: str
    noun: str
    kind_noun: str
    icon: str
    object_name: str
    object_url: str
    page_id: Any
    is_gone: bool
    others: int
    changes: Sequence[ShownChange]
    reason: str
    door: str
    cause: str
    cause_url: str
    facts: Mapping[str, Any]
    shown: Mapping[str, Any]

    @property
    def first_changes(self) -> Sequence[ShownChange]:
        return self.changes[:SHOWN_CHANGES]

    @property
    def more_changes(self) -> int:
        return max(0, len(self.changes) - SHOWN_CHANGES)

    @property
    def sentence(self) -> str:
        """Such as `paused queue`; the object's name stands beside it."""
        return f"{self.verb} {self.noun}"


def make_rows(events: Sequence[AuditEvent], actor_in: Callable[[UUID], Actor]) -> list[Row]:
    """The events as the person may see them: `actor_in` is the person in a workspace."""
    objects = find_objects(events)
    return [
        _make(event, represent(AuditSchema, event, actor_in(event.workspace_id)), objects)
        for event in events
    ]


def _make(
    event: AuditEvent, shown: Mapping[str, Any], objects: Mapping[tuple[str, str], Found]
) -> Row:
    kind = find_kind(event.target_type)
    found = objects.get((event.target_type, event.target_id))
    cause, cause_url = describe_cause(event.request_id)
    count = event.detail.get("count") if isinstance(event.detail, dict) else None
    return Row(
        event=event,
        url=reverse("admin:workspaces_auditevent_change", args=[event.pk]),
        at=event.created_at,
        who=event.actor_label,
        who_kind=kind_of_actor(event),
        who_url=_actor_url(event),
        verb=verb_of(event),
        noun=noun_of(event),
        kind_noun=kind.noun if kind else event.target_type,
        icon=kind.icon if kind else "audit",
        object_name=found.label if found else _name_of(event),
        object_url=object_url(kind, found.row) if kind and found else "",
        page_id=found.row if found else None,
        is_gone=kind is not None and found is None,
        others=count - 1 if isinstance(count, int) and count > 1 else 0,
        changes=[
            ShownChange(
                each["field"], write_value(each["before"]), write_value(each["after"]),
                source_of(event, each["field"]),
            )
            for each in shown["changes"]
        ],
        reason=str(shown["reason"] or ""),
        door=_DOORS.get(event.door, ""),
        cause=cause,
        cause_url=cause_url,
        facts=other_facts(shown["detail"]),
        shown=shown,
    )  # fmt: skip


def kind_of_actor(event: AuditEvent) -> str:
    """Whether it was a person, a key or the platform itself."""
    if event.actor_kind == ActorKind.USER:
        return "person"
    if event.actor_kind == ActorKind.KEY:
        return "API key"
    return "person" if event.door == "command" else "platform"


def object_url(kind: Kind, page_id: Any) -> str:
    """The page of an object."""
    if kind.is_single:
        return reverse(f"admin:{kind.page}_changelist")
    return reverse(f"admin:{kind.page}_change", args=[page_id])


def audit_url(**params: str) -> str:
    """The list of what matches."""
    return f"{reverse('admin:workspaces_auditevent_changelist')}?{urlencode(params)}"


def describe_cause(request_id: str) -> tuple[str, str]:
    """What it was done for, and the page of that; empty for a request."""
    name, _, text = request_id.partition(":")
    cause_id = parse_uuid_or_none(text)
    if name not in _CAUSES or cause_id is None:
        return "", ""
    kind = find_kind(name)
    url = reverse(f"admin:{kind.page}_change", args=[cause_id]) if kind else ""
    return f"{_CAUSES[name]} {shorten(text)}", url


def source_of(event: AuditEvent, field: str) -> str:
    changes = event.detail.get("changes") if isinstance(event.detail, dict) else None
    each = changes.get(field) if isinstance(changes, dict) else None
    return str(each.get("source", "")) if isinstance(each, dict) else ""


def write_value(value: Any) -> str:
    """A value in one line."""
    if value is None or value == "":
        return EMPTY
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = value if isinstance(value, str) else " ".join(format_json(value).split())
    return text if len(text) <= _CHARACTERS else f"{text[: _CHARACTERS - 1]}…"


def _name_of(event: AuditEvent) -> str:
    """The name of an object that is gone: that of the event, if it has one."""
    detail = event.detail if isinstance(event.detail, dict) else {}
    name = detail.get("name") or detail.get("user")
    return name if isinstance(name, str) else shorten(event.target_id)


def _actor_url(event: AuditEvent) -> str:
    """What else this actor did."""
    if event.actor_id and event.actor_kind != ActorKind.SYSTEM:
        return audit_url(actorId=event.actor_id)
    return audit_url(actor=event.actor_label)
