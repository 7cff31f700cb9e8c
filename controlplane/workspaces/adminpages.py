"""Pages of rows that belong to a workspace or to the installation, with buttons and actions that
call services as the person. What the person may do is decided in `adminaccess`."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import urlencode

from controlplane.core.admin.actions import (
    MAX_SELECTED,
    BulkResult,
    act_on_each,
    ask,
    is_confirmed,
    report,
    split_by_workspace,
)
from controlplane.core.admin.display import Question
from controlplane.core.admin.undo import offer_undo
from controlplane.core.errors import DomainError
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.adminaccess import (
    SEEN_BY_SUPERUSERS,
    SEEN_BY_VIEWERS,
    AdminAccess,
    actor_with_role,
    is_allowed,
    own_workspaces,
)
from controlplane.workspaces.exporting.pages import ExportPages
from controlplane.workspaces.queries import list_workspaces
from controlplane.workspaces.states import Role

_MAX_WORKSPACES = 1_000
MAX_BULK_KEYS = 200  # that fit into an address


def list_own_workspaces(request: HttpRequest, needed: Role = Role.VIEWER) -> list[Any]:
    """The workspaces in which the person holds the role, to choose from."""
    return [each for each in own_workspaces(request) if is_allowed(request, needed, each.id)]


def find_any_workspace(request: HttpRequest) -> str:
    """A workspace of the person, for the live figures that are the same in all of theirs: those of
    the fleet."""
    own = own_workspaces(request)
    return str(own[0].slug) if own else ""


class WorkspacePages(ExportPages, AdminAccess):
    """Pages of rows that belong to a workspace, with buttons that call services."""

    workspace_lookup = "workspace_id"
    required_roles = SEEN_BY_VIEWERS

    def get_row(self, request: HttpRequest, object_id: UUID | int) -> Any:
        """The row of an extra page. Raises Http404, PermissionDenied."""
        row = self.get_queryset(request).filter(pk=object_id).first()
        if row is None:
            raise Http404("It does not exist, or it belongs to another workspace.")
        if not self.has_view_permission(request, row):
            raise PermissionDenied
        return row

    def require_operator(self, request: HttpRequest, workspace_id: UUID) -> Actor:
        """The person, who must be an operator there. Raises PermissionDenied."""
        return actor_with_role(request, workspace_id)

    def act_on_row(
        self,
        request: HttpRequest,
        object_id: UUID | int,
        act: Callable[[Any, Actor], Any],
        success: str,
        question: Question | None = None,
        undo: tuple[str, dict[str, Any]] | None = None,
    ) -> HttpResponse:
        """The action of a button: ask, if there is a question, act as the person, who must be an
        operator, and return to the page of the row. `act` adds to the values of `undo` what is
        needed to change the row back."""
        row = self.get_row(request, object_id)
        actor = self.require_operator(request, row.workspace_id)
        if question is not None and not is_confirmed(request):
            return ask(self, request, row, question)
        is_done = self.call_service(request, lambda: act(row, actor), "" if undo else success)
        if is_done and undo is not None:
            offer_undo(request, *undo, success)
        return HttpResponseRedirect(self.row_url(row.pk))

    def act_on_rows(
        self,
        request: HttpRequest,
        rows: QuerySet[Any],
        act: Callable[[Any, Actor], Any],
        done: str,
        *,
        limit: int = MAX_SELECTED,
        undo: tuple[str, dict[str, Any]] | None = None,
    ) -> None:
        """An action on each of the selected rows. All roles are checked before anything changes.
        `act` adds to the values of `undo` what is needed to change a row back."""
        chosen = list(rows[: limit + 1])
        ids = {row.workspace_id for row in chosen}
        actors = {each: self.require_operator(request, each) for each in ids}
        result = act_on_each(
            chosen[:limit], lambda row: act(row, actors[row.workspace_id]), name=str
        )
        result.limit = limit if len(chosen) > limit else None
        report(self, request, result, done, undo=undo)

    def to_bulk_operation(
        self,
        request: HttpRequest,
        rows: QuerySet[Any],
        target: str,
        *,
        key: str = "id",
        wanted: Mapping[str, Any] | None = None,
    ) -> HttpResponse:
        """Go to the page that asks before a bulk operation begins: on these rows or, with the
        conditions `wanted` of their list, on all that match. The rows are of one workspace."""
        if wanted is not None:
            slugs = _narrowed(request, Role.OPERATOR)
            values = _all_that_match(wanted)
        else:
            found = list(rows.values_list("workspace__slug", key)[: MAX_BULK_KEYS + 1])
            slugs = list({slug for slug, _ in found})
            values = [("id", str(each)) for _, each in found]
        problem = ""
        if len(slugs) != 1:
            problem = "A bulk operation is for one workspace: choose it first."
        elif len(values) > MAX_BULK_KEYS:
            problem = f"Select up to {MAX_BULK_KEYS} rows, or all that match."
        if problem:
            self.message_user(request, problem, messages.WARNING)
            return HttpResponseRedirect(request.get_full_path())
        return HttpResponseRedirect(bulk_address(target, slugs[0], values))

    def bulk_link(self, request: HttpRequest, target: str, wanted: Mapping[str, Any]) -> str:
        """The page that asks before a bulk operation on all that match the conditions `wanted` of
        this list; empty unless its rows are of one workspace, in which the person may start it."""
        listed, slugs = _narrowed(request, Role.VIEWER), _narrowed(request, Role.OPERATOR)
        if len(listed) > 1 or not slugs:
            return ""
        return bulk_address(target, slugs[0], _all_that_match(wanted))

    def act_on_batches(
        self,
        request: HttpRequest,
        rows: QuerySet[Any],
        act: Callable[[UUID, list[UUID], Actor], tuple[int, Iterable[str]]],
        done: str,
        *,
        size: int,
        rest: str,
        undo: tuple[str, dict[str, Any]] | None = None,
    ) -> None:
        """An action by a service that takes many ids of one workspace. `act` returns how many rows
        changed, and why others did not. All roles are checked before anything changes."""
        pairs = list(rows.values_list("workspace_id", "id")[: MAX_SELECTED + 1])
        actors = {each: self.require_operator(request, each) for each, _ in pairs}
        chosen = pairs[:MAX_SELECTED]
        limit = MAX_SELECTED if len(pairs) > MAX_SELECTED else None
        result = BulkResult(selected=len(chosen), limit=limit)
        for workspace_id, ids in split_by_workspace(chosen, size):
            try:
                changed, refusals = act(workspace_id, ids, actors[workspace_id])
            except DomainError as error:
                changed, refusals = 0, [str(error)]
            result.changed += changed
            result.refusals |= dict.fromkeys(refusals)
        report(self, request, result, done, rest=rest, undo=undo)


def bulk_address(target: str, workspace: str, values: Sequence[tuple[str, str]]) -> str:
    """The page that asks before a bulk operation begins, with what is selected."""
    query = [("target", target), ("workspace", workspace), *values]
    return f"{reverse('admin:operations_operation_new')}?{urlencode(query)}"


def _all_that_match(wanted: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [("filter", json.dumps(wanted)), ("all", "1")]


def _narrowed(request: HttpRequest, role: Role) -> list[str]:
    """The workspace of the list's address, or all in which the person has the role."""
    slug = request.GET.get("workspace", "")
    own = [each.slug for each in list_own_workspaces(request, role)]
    return [each for each in own if slug in ("", each)]


class InstallationPages(ExportPages, AdminAccess):
    """Pages of rows that all workspaces share, for everybody with a role in one of them."""

    required_roles = {**SEEN_BY_SUPERUSERS, "view": Role.VIEWER}


class WorkspaceFilter(admin.SimpleListFilter):
    """By workspace: those in which the person may view rows."""

    title = "workspace"
    parameter_name = "workspace"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        workspaces = list_workspaces(model_admin.workspaces_for(request, "view"))
        return [(each.slug, each.slug) for each in workspaces[:_MAX_WORKSPACES]]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        slug = self.value()
        if slug is None:
            return queryset
        return queryset.none() if "\0" in slug else queryset.filter(workspace__slug=slug)
