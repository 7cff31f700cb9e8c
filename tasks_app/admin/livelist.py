"""What an open list of tasks asks for when tasks have changed: its visible rows as they are, how
many others have come before them, and the figures of its states."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.http import HttpRequest, QueryDict

from controlplane.core.admin.newrows import NEW_LIMIT, describe_new
from controlplane.core.admin.shapes import name_shape
from controlplane.core.clock import now, utc_z
from controlplane.core.cursors import Cursor
from controlplane.core.errors import Invalid
from controlplane.core.formatting import (
    EMPTY,
    format_compact,
    format_duration,
    format_relative,
    format_time,
)
from controlplane.core.ids import parse_uuid_or_none
from controlplane.workspaces.adminaccess import actor_in, submitter_of
from tasks_app.admin.listaddress import PAGE_SIZE, ListAddress, clean_params, read_address
from tasks_app.admin.listpage import Scope, read_scope
from tasks_app.admin.listrows import Row, make_rows, workspaces_in
from tasks_app.models import Task
from tasks_app.queries.lists import list_tasks_of
from tasks_app.queries.tasklist import count_matching, count_newer, count_unknown, read_rows
from tasks_app.states import TaskState

_OWN = ("ids", "anchor", "end", "figures")
_DEFAULT_SORT = "-createdAt"


def describe_changes(request: HttpRequest) -> dict[str, Any]:
    """The answer as JSON values. Raises Invalid when reading takes too long."""
    params = clean_params(_without(request.GET, _OWN))
    address = read_address(params, submitter_of(request))
    scope = read_scope(request, address)
    if address.errors or not scope.slugs:
        return {"rows": {}, "newer": ""}
    found: dict[str, Any] = {
        "rows": _read_rows(request, scope),
        **_find_new(request, address, scope),
    }
    if request.GET.get("figures"):
        found["figures"] = _read_figures(address, scope)
    return found


def _without(params: QueryDict, names: tuple[str, ...]) -> QueryDict:
    found = params.copy()
    for name in names:
        found.pop(name, None)
    return found


def _read_ids(request: HttpRequest) -> list[UUID]:
    """The tasks whose rows are shown."""
    given = request.GET.get("ids", "").split(",")[:PAGE_SIZE]
    return [found for each in given if (found := parse_uuid_or_none(each))]


def _read_rows(request: HttpRequest, scope: Scope) -> dict[str, Any]:
    page = read_rows(scope.searched, _read_ids(request))
    actors = {each: actor_in(request, each) for each in workspaces_in(page.rows)}
    return {row.task["id"]: _describe(row) for row in make_rows(page, scope.slugs, actors)}


def _find_new(request: HttpRequest, address: ListAddress, scope: Scope) -> dict[str, Any]:
    """How many rows are new: those that have come to stand among the rows of the first page. Where
    finding them takes too long, the page does not ask for them again, and those are new that were
    created later, in the order of the newest first."""
    tasks = list_tasks_of(scope.searched, address.wanted)
    found: dict[str, Any] = {"newer": ""}
    if (text := request.GET.get("end")) is not None:
        end = Cursor.decode(text, address.sort, Task) if text else None
        try:
            known = _read_ids(request)
            return {
                "newer": describe_new(count_unknown(tasks, address.sort, end, known, NEW_LIMIT))
            }
        except Invalid:
            found["isEndSlow"] = True
    anchor = parse_uuid_or_none(request.GET.get("anchor", ""))
    if anchor is None or address.sort.name != _DEFAULT_SORT:
        return found
    try:
        return {**found, "newer": describe_new(count_newer(tasks, anchor, NEW_LIMIT))}
    except Invalid:
        return found


def _read_figures(address: ListAddress, scope: Scope) -> dict[str, str]:
    """By state, and of all under an empty name; those that are known."""
    tasks = list_tasks_of(scope.searched, address.wanted)
    try:
        counts = count_matching(scope.ids, tasks, address.wanted).by_state
    except Invalid:
        return {}
    if counts is None:
        return {}
    return {"": format_compact(sum(counts.values()))} | {
        state: format_compact(counts[state]) for state in TaskState.values
    }


def _describe(row: Row) -> dict[str, Any]:
    task = row.task
    return {
        "status": task["status"],
        "word": TaskState(task["status"]).label,
        **name_shape(task["status"]),
        "cells": {
            "what": {"text": row.what.text, "url": row.what.url, **_moment(row.what.at)},
            "attempts": {"text": f"{task['attempt']} of {task['maxAttempts']}"},
            "priority": {"text": str(task["priority"])},
            "node": {"text": task["workerNode"] or EMPTY, "url": row.node_url},
            "started": {"text": "", **_moment(row.started_at)},
            "finished": {"text": "", **_moment(row.finished_at)},
            "waited": {"text": _duration(task["waitMs"])},
            "ran": {"text": _duration(task["processingMs"])},
        },
    }


def _moment(at: datetime | None) -> dict[str, str]:
    if at is None:
        return {}
    return {"at": utc_z(at), "title": format_time(at), "relative": format_relative(at, now())}


def _duration(milliseconds: int | None) -> str:
    return format_duration(None if milliseconds is None else milliseconds / 1_000)
