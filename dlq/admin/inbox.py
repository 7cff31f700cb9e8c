"""The failure inbox: groups of dead letters, and what people decide about them."""

from collections.abc import Sequence
from copy import copy
from typing import Any, ClassVar
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.http import urlencode
from django.views.decorators.http import require_POST

from controlplane.core.admin.navigation import CHOSEN_VIEW
from controlplane.core.admin.undo import offer_undo, show_unchanged
from controlplane.core.clock import now
from controlplane.core.errors import DomainError, Invalid
from controlplane.core.visibletext import isolated_text
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.adminaccess import is_allowed
from controlplane.workspaces.adminpages import list_own_workspaces
from controlplane.workspaces.chosen import choose_workspace
from controlplane.workspaces.states import Role
from dlq.admin.grouppage import describe_panel
from dlq.admin.inboxchanges import changes_query, describe_changes
from dlq.admin.inboxrows import VIEWS, list_view, read_conditions, read_inbox
from dlq.admin.questions import GroupQuestions, seen_version
from dlq.groups import KEPT, Decision
from dlq.models import LetterGroup
from dlq.queries import count_open
from dlq.states import GroupState
from dlq.undo import KIND, decide_with_undo
from tasks_app.queries import in_bounded_time

_OF_A_PAGE = ("group", "after")
_PARAMETERS = (
    "workspace", "view", "q", "type", "category", "release", "version", CHOSEN_VIEW, *_OF_A_PAGE
)  # fmt: skip
# What a button does, and the message after it.
_DECISIONS = {
    "acknowledge": (Decision(state=GroupState.ACKNOWLEDGED), "Acknowledged"),
    "reopen": (Decision(state=GroupState.OPEN), "Open again"),
    "resolve": (Decision(state=GroupState.RESOLVED), "Resolved"),
    "disown": (Decision(owner=None), "Without an owner now"),
}


@admin.register(LetterGroup)
class GroupAdmin(GroupQuestions):
    """The inbox is the list, and the page of a group has the same panel by itself."""

    exported = "dead-letter-groups"
    export_permission = "dlq.view_deadletter"
    gone = "This group was removed, or it is not yours to see."
    list_select_related = ["owner", "workspace"]
    fieldsets: ClassVar[Any] = [(None, {"fields": ["id"]})]

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Groups are seen by those who see letters."""
        user: Any = request.user
        return user.has_perm("dlq.view_deadletter") and self.allows(request, "view", obj)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def get_queryset(self, request: HttpRequest) -> QuerySet[LetterGroup]:
        return super().get_queryset(request).select_related("owner", "workspace")

    def extra_pages(self) -> list[Any]:
        return [
            ("changes/", self.changes_view, "changes"),
            ("<uuid:object_id>/decide/", self.decide_view, "decide"),
            ("<uuid:object_id>/mute/", self.mute_view, "mute"),
            ("<uuid:object_id>/discard/", self.discard_view, "discard"),
            ("<uuid:object_id>/reprocess/", self.reprocess_view, "reprocess"),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """The inbox of the chosen workspace."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        workspaces = list_own_workspaces(request)
        chosen = choose_workspace(request, workspaces)
        context: dict[str, Any] = {}
        if chosen is not None:
            # Its links show the same to somebody who has chosen another one.
            request = _naming(request, chosen.slug)
            request.shown_workspace = chosen.slug  # type: ignore[attr-defined] # for the frame
            context = self._describe_inbox(request, chosen)
        return self.render(
            request,
            "dlq/inbox.html",
            title="Failure inbox",
            open_letters=None if chosen is None else count_open([chosen.id]),
            workspaces=workspaces,
            chosen=chosen,
            live_workspace=chosen.slug if chosen is not None else "",
            is_list=True,
            **context,
        )

    def changes_view(self, request: HttpRequest) -> HttpResponse:
        """For an open inbox: its rows as they are, and how many groups have come since."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        chosen = choose_workspace(request, list_own_workspaces(request))
        if chosen is None:
            raise Http404
        user: Any = request.user
        try:
            with in_bounded_time(narrow_by="the type"):
                found = describe_changes(
                    chosen.id,
                    user.get_username(),
                    view=_view_of(request),
                    params=request.GET,
                )
        except Invalid as error:
            return JsonResponse({"problem": str(error)}, status=error.status)
        return JsonResponse(found)

    def _describe_inbox(self, request: HttpRequest, workspace: Any) -> dict[str, Any]:
        user: Any = request.user
        view, begun = _view_of(request), now()
        given = {name: request.GET[name] for name in _PARAMETERS if request.GET.get(name)}
        kept = {name: value for name, value in given.items() if name not in _OF_A_PAGE}
        here = f"{request.path}?{urlencode(given)}"
        context: dict[str, Any] = {"view": view, "here": here, "kept": kept}
        chosen, known = self._chosen_group(request, workspace.id), None
        try:
            with in_bounded_time(narrow_by="the type"):
                inbox = read_inbox(
                    workspace.id,
                    user.get_username(),
                    view=view,
                    conditions=read_conditions(request.GET),
                    cursor=request.GET.get("after", ""),
                    kept=kept,
                    chosen=chosen,
                )
            context["inbox"], known = inbox, inbox.known
        except Invalid as error:
            context["problem"] = str(error)
        context["address"] = f"?{urlencode(kept)}&" if kept else "?"
        changes = reverse("admin:dlq_lettergroup_changes")
        since = None if "after" in given else begun
        context["changes"] = f"{changes}?{changes_query(kept, since)}"
        context["export"] = self.describe_export(request, None)
        context["may_operate"] = is_allowed(request, Role.OPERATOR, workspace.id)
        return context | ({} if chosen is None else describe_panel(request, chosen, known))

    def export_rows(
        self, request: HttpRequest, workspaces: Sequence[UUID]
    ) -> QuerySet[LetterGroup]:
        """The groups of the view, as the address narrows it. Raises Invalid."""
        user: Any = request.user
        return list_view(
            workspaces[0],
            user.get_username(),
            view=_view_of(request),
            conditions=read_conditions(request.GET),
        )

    def _chosen_group(self, request: HttpRequest, workspace_id: UUID) -> LetterGroup | None:
        try:
            wanted = UUID(request.GET.get("group", ""))
        except ValueError:
            return None
        rows = self.get_queryset(request).filter(workspace_id=workspace_id)
        found: LetterGroup | None = rows.filter(pk=wanted).first()
        return found

    def show_row(self, request: HttpRequest, row: LetterGroup) -> HttpResponse:
        """The page of one group."""
        with in_bounded_time():
            panel = describe_panel(request, row)
        return self.render(
            request,
            "dlq/group.html",
            title=isolated_text(row),
            here=request.get_full_path(),
            inbox_url=inbox_url(row),
            live_workspace=row.workspace.slug,
            may_operate=is_allowed(request, Role.OPERATOR, row.workspace_id),
            **panel,
        )

    @method_decorator(require_POST)
    def decide_view(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """A button: acknowledge, own, change."""
        group, actor = self.operated(request, object_id)
        back = self.back(request, group)
        decision, done = _read_decision(request, request.POST.get("do", ""), actor)
        if decision is None:
            self.message_user(request, "Choose what to do.", messages.ERROR)
            return back
        self._decide(request, group, actor, decision, done)
        return back

    def _decide(
        self, request: HttpRequest, group: LetterGroup, actor: Actor, decision: Decision, done: str
    ) -> None:
        """Shows what was done with a button to undo it, or why the service refused."""
        try:
            _, undone = decide_with_undo(
                workspace_id=group.workspace_id,
                group_id=group.id,
                decision=decision,
                actor=actor,
                seen_version=seen_version(request),
            )
        except DomainError as error:
            self.message_user(request, f"{isolated_text(group)}: {error}", messages.ERROR)
            return
        name = isolated_text(group)
        # A note is added without a change of the group.
        if undone is None and not decision.note.strip():
            show_unchanged(request, name)
        else:
            offer_undo(request, KIND, undone, f"{done}: {name}.")


def inbox_url(group: LetterGroup) -> str:
    """The inbox of the group's workspace."""
    query = urlencode({"workspace": group.workspace.slug})
    return f"{reverse('admin:dlq_lettergroup_changelist')}?{query}"


def _view_of(request: HttpRequest) -> str:
    view = request.GET.get("view", "")
    return view if view in VIEWS else "mine"


def _naming(request: HttpRequest, slug: str) -> HttpRequest:
    """The request for the page of that workspace, which its address names otherwise or not."""
    params: Any = request.GET.copy()
    params["workspace"] = slug
    named = copy(request)
    named.GET = params
    return named


def _read_decision(request: HttpRequest, verb: str, actor: Actor) -> tuple[Decision | None, str]:
    """What a button asks for, and the words for it."""
    if verb in _DECISIONS:
        return _DECISIONS[verb]
    if verb == "own":
        return Decision(owner=actor.label), "Yours now"
    if verb == "change":
        given = {name: str(value) for name, value in request.POST.items()}
        return Decision(
            owner=(given["owner"] or None) if "owner" in given else KEPT,
            ticket=given.get("ticket", KEPT),
            note=given.get("note", ""),
        ), "Changed"
    return None, ""
