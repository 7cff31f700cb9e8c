"""The HTTP API of groups of dead letters."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter

from controlplane.core.errors import FieldError, Invalid
from controlplane.core.http.openapi import filter_parameters
from controlplane.core.http.verbs import Listed, Views, verb
from controlplane.core.http.views import LIST_PARAMETERS
from controlplane.core.schema.filters import read_query
from controlplane.workspaces.idempotent_calls import idempotent
from controlplane.workspaces.permissions import WorkspaceRequest
from controlplane.workspaces.undo import offer_undo
from dlq.filters import GroupFilter
from dlq.groupdetail import GroupDetail, describe_group
from dlq.groupschema import ChangeGroup, GroupKey, LetterGroup, LetterGroupDetail
from dlq.models import LetterGroup as GroupRow
from dlq.queries.groups import (
    GroupView,
    describe_groups,
    find_group,
    get_group,
    list_letter_groups,
    name_owners,
)
from dlq.undo import KIND, decide_with_undo
from tasks_app.api.base import BoundedPagination
from tasks_app.queries import in_bounded_time

IF_MATCH = "If-Match"
_MATCH_PARAMETER = OpenApiParameter(
    IF_MATCH,
    str,
    OpenApiParameter.HEADER,
    description="The `version` that was seen, such as `3`: 409 if the group has changed since.",
)


def _find_changed(request: WorkspaceRequest, group_id: UUID, **_path: Any) -> GroupDetail:
    return describe_group(get_group(request.workspace.id, group_id), request.actor)


class Groups(Views):
    """Groups of dead letters of the workspace."""

    tag = "dead letters"

    @verb(
        "GET",
        "dlq/groups",
        name="dlq_groups_list",
        summary="List groups of equal failures",
        parameters=filter_parameters(GroupFilter),
        returns=Listed(
            LetterGroup,
            {"count": "letters", "lastSeenAt": "last_seen"},
            "-count",
            BoundedPagination,
        ),
        errors=(422,),
    )
    def list(self, request: WorkspaceRequest) -> Any:
        """Letters of the same failure and type, the largest groups first."""
        group_filter = read_query(GroupFilter, request.query_params, ignore=LIST_PARAMETERS)
        with in_bounded_time(narrow_by="state and type"):
            wanted = name_owners(group_filter, request.actor)
            rows = list_letter_groups(request.workspace.id, wanted)
            return self.page(rows, describe=self._describe)

    def _describe(self, rows: Sequence[GroupRow]) -> Sequence[GroupView]:
        """The groups of a page with what is not folded yet, which may change their order."""
        views = describe_groups(rows)
        if self.request.query_params.get("sort", self.default_sort) == self.default_sort:
            views.sort(key=lambda view: view.count, reverse=True)
        return views

    @verb(
        "GET",
        "dlq/groups/<str:fingerprint>",
        name="dlq_groups_retrieve",
        summary="Show a group of equal failures",
        query=GroupKey,
        returns=LetterGroupDetail,
        errors=(404, 409),
    )
    def retrieve(self, request: WorkspaceRequest, query: GroupKey, fingerprint: str) -> Any:
        """The group with its notes, what changed before it began, and what differs among its
        payloads."""
        with in_bounded_time():
            group = find_group(request.workspace.id, fingerprint, query.type or None)
            return describe_group(group, request.actor)

    @verb(
        "PATCH",
        "dlq/groups/<str:fingerprint>",
        name="dlq_groups_change",
        summary="Acknowledge, mute, assign or resolve a group",
        query=GroupKey,
        body=ChangeGroup,
        parameters=[_MATCH_PARAMETER],
        returns=LetterGroupDetail,
        errors=(404, 409, 422),
    )
    @idempotent(_find_changed)
    def change(
        self, request: WorkspaceRequest, body: ChangeGroup, query: GroupKey, fingerprint: str
    ) -> UUID:
        """Change the state, the owner or the ticket, or add a note. What is already so stays, and
        is no error."""
        group = find_group(request.workspace.id, fingerprint, query.type or None)
        changed, undone = decide_with_undo(
            workspace_id=request.workspace.id,
            group_id=group.id,
            decision=body.decision,
            actor=request.actor,
            seen_version=_seen_version(request, body),
        )
        if undone is not None:
            offer_undo(request, KIND, undone)
        return changed.id


def _seen_version(request: WorkspaceRequest, body: ChangeGroup) -> int | None:
    text = request.headers.get(IF_MATCH, "").strip().removeprefix("W/").strip('"')
    if not text or text == "*":
        return body.version
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        message = f"The header {IF_MATCH} is the version of the group, such as 3."
        raise Invalid(errors=[FieldError(field="version", message=message)])
    return int(text)
