"""Reads of the audit log."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet

from controlplane.core.bounded import bounded_time
from controlplane.core.ids import first_id_of
from controlplane.core.requests import COMMAND
from controlplane.workspaces.models import ID_SLACK, AuditEvent
from controlplane.workspaces.schema import KEYS, PEOPLE, SYSTEM, AuditFilter
from controlplane.workspaces.states import ActorKind

_SECONDS = 2.0
_ADVICE = "Choose a kind of object, an action or a time."
_EQUAL = {
    "actor_id": "actor_id",
    "actor": "actor_label",
    "target_type": "target_type",
    "target_id": "target_id",
    "request_id": "request_id",
}
_USER = Q(actor_kind=ActorKind.USER.value)
_KEY = Q(actor_kind=ActorKind.KEY.value)
# Somebody at the command line acts with the rights of the platform.
_TERMINAL = Q(actor_kind=ActorKind.SYSTEM.value, door=COMMAND)
_PLATFORM = Q(actor_kind=ActorKind.SYSTEM.value) & ~Q(door=COMMAND)
_BY = {PEOPLE: _USER | _TERMINAL, KEYS: _KEY, SYSTEM: _PLATFORM}
# In the words of the index `audit_of_people`.
_NOT_PLATFORM = ~Q(actor_kind=ActorKind.SYSTEM.value) | Q(door=COMMAND)


def list_audit_events(
    workspaces: Collection[UUID] | None, wanted: AuditFilter
) -> QuerySet[AuditEvent]:
    """The events of these workspaces, or of all for None, that match; the newest first."""
    events = AuditEvent.objects.order_by("-id")
    if workspaces is not None:
        events = events.filter(workspace_id__in=workspaces)
    given = {column: value for name, column in _EQUAL.items() if (value := getattr(wanted, name))}
    events = events.filter(**given)
    if wanted.by:
        events = events.filter(_of_these(wanted.by))
    if wanted.actions:
        events = events.filter(action__in=wanted.actions)
    if wanted.doors:
        events = events.filter(door__in=wanted.doors)
    events = events.filter(_within(wanted))
    return events.filter(_containing(wanted.search)) if wanted.search else events


def _within(wanted: AuditFilter) -> Q:
    """The time of an event has no index: its id, which every index of the log ends with, was made
    within a moment of it."""
    condition = Q()
    if wanted.created_after:
        first = first_id_of(wanted.created_after - ID_SLACK)
        condition &= Q(created_at__gte=wanted.created_after, id__gte=first)
    if wanted.created_before:
        end = first_id_of(wanted.created_before + ID_SLACK)
        condition &= Q(created_at__lt=wanted.created_before, id__lt=end)
    return condition


def read_events(
    events: QuerySet[AuditEvent], limit: int, *, seconds: float = _SECONDS
) -> list[AuditEvent]:
    """The first of them, with their workspaces. Raises Invalid: finding them takes too long."""
    with bounded_time(seconds, _ADVICE):
        return list(events.select_related("workspace")[:limit])


def read_ids(events: QuerySet[AuditEvent], limit: int) -> list[UUID]:
    """The ids of the first of them. Raises Invalid: finding them takes too long."""
    with bounded_time(_SECONDS, _ADVICE):
        return list(events.values_list("id", flat=True)[:limit])


def find_last(events: QuerySet[AuditEvent], count: int) -> tuple[UUID, datetime] | None:
    """The id and the time of the last of the first `count` of them; None if there are no more than
    that. Raises Invalid: finding it takes too long."""
    with bounded_time(_SECONDS, _ADVICE):
        found = list(events.values_list("id", "created_at")[count - 1 : count + 1])
    return found[0] if len(found) == 2 else None


def _of_these(groups: Collection[str]) -> Q:
    if set(groups) == {PEOPLE, KEYS}:
        return _NOT_PLATFORM
    return Q(*(_BY[each] for each in sorted(set(groups))), _connector=Q.OR)


def _containing(text: str) -> Q:
    """Not in what an edit changed: that is masked by who reads it, not by who searches."""
    columns = ("actor_label", "action", "target_id", "request_id")
    named = ("reason", "note", "comment", "name", "user")
    return Q(
        *((f"{column}__icontains", text) for column in columns),
        *((f"detail__{name}__icontains", text) for name in named),
        _connector=Q.OR,
    )
