"""The page with the audit log, and the history of one object."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.admin.models import LogEntry
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse

from controlplane.core.admin.navigation import CHOSEN_VIEW
from controlplane.core.admin.newrows import NEW_LIMIT
from controlplane.core.clock import now
from controlplane.core.errors import Invalid
from controlplane.core.ids import first_id_of, parse_uuid_or_none
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.adminaccess import actor_in, own_workspaces
from controlplane.workspaces.audit.address import (
    AuditAddress,
    list_chips,
    list_groups,
    list_inputs,
    read_address,
)
from controlplane.workspaces.audit.kinds import Kind, shorten
from controlplane.workspaces.audit.queries import (
    find_last,
    list_audit_events,
    read_events,
    read_ids,
)
from controlplane.workspaces.audit.rows import COLUMNS, Row, make_rows, object_url
from controlplane.workspaces.models import ID_SLACK, AuditEvent
from controlplane.workspaces.schema import AuditFilter

PAGE_SIZE = 50
SEARCHED = 100_000  # entries in which a page looks for a text that it does not find soon
_SECONDS_FOR_ALL = 0.1
NEWEST = "newest"  # an id: what an open page counts came after it
_MAX_FOLLOWED = 16  # workspaces, each of which is a live topic
_MAX_ENTRIES = 20


def find_events(address: AuditAddress, workspaces: list[UUID] | None) -> QuerySet[AuditEvent]:
    """All events of the address in these workspaces (None: all), the newest first."""
    return _find(address, address.wanted, workspaces)


def _find(
    address: AuditAddress, wanted: AuditFilter, workspaces: list[UUID] | None
) -> QuerySet[AuditEvent]:
    events = list_audit_events(workspaces, wanted)
    if address.workspace:
        events = events.filter(workspace__slug=address.workspace)
    return events.none() if address.errors else events


def describe_list(request: HttpRequest, workspaces: list[UUID] | None) -> dict[str, Any]:
    """A page of the log of these workspaces, those in which the person may read it."""
    address = read_address(request.GET)
    params = address.params
    known = [
        (each.slug, each.name)
        for each in own_workspaces(request)
        if workspaces is None or each.id in workspaces
    ]
    found = _read(request, address, workspaces)
    errors = [*address.errors, *found["errors"]]
    followed = [slug for slug, _ in known if address.workspace in ("", slug)]
    return {
        **found,
        **({} if errors else _follow(address, found["rows"], followed)),
        "address": address,
        "errors": errors,
        "groups": list_groups(address),
        "chips": list(list_chips(address)),
        "inputs": list_inputs(address, known),
        "kept": [(name, params[name]) for name in ("by", CHOSEN_VIEW) if name in params],
        "clear_url": "?",
        "has_several_workspaces": len(known) > 1,
        **describe_object(address, found["rows"]),
    }


def _follow(address: AuditAddress, rows: Sequence[Row], workspaces: list[str]) -> dict[str, Any]:
    """For the open page: what says that there are new entries, and where they are counted. Only the
    first page can have some."""
    if address.before or len(workspaces) > _MAX_FOLLOWED:
        return {"live_topics": ""}
    params = address.params.copy()
    # What came before this page was drawn is not looked for again.
    lately = first_id_of(now() - ID_SLACK)
    params[NEWEST] = str(max(rows[0].event.pk, lately) if rows else lately)
    return {
        "live_topics": " ".join(f"{slug}/audit" for slug in workspaces),
        "newer_url": f"{reverse('admin:workspaces_auditevent_newer')}?{params.urlencode()}",
    }


def count_newer(request: HttpRequest, workspaces: list[UUID] | None) -> int:
    """How many entries of the address are newer than the newest of an open page, counted up to
    NEW_LIMIT. Raises Invalid."""
    params = request.GET.copy()
    newest = parse_uuid_or_none(str(params.pop(NEWEST, [""])[-1]))
    events = find_events(read_address(params), workspaces)
    if newest is not None:
        events = events.filter(id__gt=newest)
    return len(read_ids(events, NEW_LIMIT))


def _read(
    request: HttpRequest, address: AuditAddress, workspaces: list[UUID] | None
) -> dict[str, Any]:
    """The rows behind the place, and the way to the next ones."""
    read: list[AuditEvent] = []
    errors: list[Any] = []
    end: tuple[UUID, datetime] | None = None
    try:
        read, end = _read_events(address, workspaces)
    except Invalid as error:
        errors = error.errors or [{"field": "", "message": str(error)}]
    last, searched_to = end or (None, None)
    if len(read) > PAGE_SIZE:
        last, searched_to = read[PAGE_SIZE - 1].pk, None
    return {
        "rows": make_rows(read[:PAGE_SIZE], _actors(request)),
        "columns": COLUMNS,
        "errors": errors,
        "older_url": "" if last is None else address.link(before=str(last)),
        "newest_url": address.link() if address.before else "",
        "searched_to": searched_to,
        "searched": SEARCHED,
    }


def _read_events(
    address: AuditAddress, workspaces: list[UUID] | None
) -> tuple[list[AuditEvent], tuple[UUID, datetime] | None]:
    """The events of a page, and one more if there are others. A text, which no index finds, is
    looked for in SEARCHED events at a time if to look for it in all takes too long: then the id and
    the time of the last of them are the second value if there are more behind it. Raises
    Invalid."""
    behind = Q() if address.before is None else Q(id__lt=address.before)
    events = find_events(address, workspaces).filter(behind)
    if not address.wanted.search:
        return read_events(events, PAGE_SIZE + 1), None
    with suppress(Invalid):
        return read_events(events, PAGE_SIZE + 1, seconds=_SECONDS_FOR_ALL), None
    every = _find(address, replace(address.wanted, search=""), workspaces).filter(behind)
    end = find_last(every, SEARCHED)
    if end is not None:
        events = events.filter(id__gte=end[0])
    return read_events(events, PAGE_SIZE + 1), end


def describe_history(request: HttpRequest, kind: Kind, row: Any) -> dict[str, Any]:
    """The events of one object, for those who may see the object and not the log."""
    params = request.GET.copy()
    params["targetType"], params["targetId"] = kind.target, str(getattr(row, kind.key))
    address = read_address(params)
    workspaces = [getattr(row, kind.belongs)] if kind.belongs else None
    if not kind.belongs:
        workspaces = [each.id for each in own_workspaces(request)]
    found = _read(request, address, workspaces)
    about = describe_object(address, found["rows"])
    if not about["object_url"]:
        about["object_url"] = object_url(kind, row.pk)
    return {**found, **about, "address": address, "is_history": True}


def describe_object(address: AuditAddress, rows: Sequence[Row]) -> dict[str, Any]:
    """The object that the address is about, and what Django's own forms logged of it."""
    kind, target_id = address.kind, address.wanted.target_id
    if kind is None or not target_id:
        return {"object_kind": None, "form_entries": []}
    newest = rows[0] if rows else None
    page_id = newest.page_id if newest else None
    return {
        "object_kind": kind,
        "object_name": newest.object_name if newest else shorten(target_id),
        "object_url": newest.object_url if newest else "",
        "form_entries": [] if page_id is None else list_form_entries(kind, page_id),
    }


def list_form_entries(kind: Kind, page_id: Any) -> list[LogEntry]:
    """What Django's own forms logged of the object, the newest first."""
    app, _, model = kind.page.rpartition("_")
    entries = LogEntry.objects.filter(
        content_type__app_label=app, content_type__model=model, object_id=str(page_id)
    )
    return list(entries.select_related("user", "content_type").order_by("-id")[:_MAX_ENTRIES])


def _actors(request: HttpRequest) -> Callable[[UUID], Actor]:
    return lambda workspace_id: actor_in(request, workspace_id)
