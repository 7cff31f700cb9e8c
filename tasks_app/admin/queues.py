"""The pages of queues."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.decorators import method_decorator
from django.utils.text import capfirst
from django.views.decorators.http import require_POST

from controlplane.core.admin.actions import CONFIRMED, confirmed_action, is_confirmed, level_of
from controlplane.core.admin.forms import ReasonForm
from controlplane.core.admin.pages import ReadMostlyAdmin
from controlplane.core.admin.undo import offer_undo, show_unchanged
from controlplane.core.errors import Conflict, DomainError
from controlplane.core.formatting import format_count
from controlplane.core.visibletext import isolated_text
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.adminaccess import (
    SEEN_BY_VIEWERS,
    actor_in,
    actor_with_role,
    is_allowed,
)
from controlplane.workspaces.adminpages import WorkspacePages, list_own_workspaces
from controlplane.workspaces.states import Role
from tasks_app import services
from tasks_app.admin.objective import read_objective_ms
from tasks_app.admin.queuelist import PAGE, list_queue_lines
from tasks_app.admin.queuepage import describe_queue
from tasks_app.admin.slices import MAX_COUNTED, WaitingSlice, count_slice, read_slice
from tasks_app.declared_queues import declared_queues
from tasks_app.descriptors import FIELDS
from tasks_app.models import Queue
from tasks_app.queries.queue_descriptors import describe_queue as describe_queue_of
from tasks_app.queries.queue_descriptors import find_last_description
from tasks_app.queues import MAX_PAUSE_REASON
from tasks_app.undo import change_queue

_NEEDS_REASON = "Give a reason for the pause: everybody who looks at the queue reads it."


@admin.register(Queue)
class QueueAdmin(WorkspacePages, ReadMostlyAdmin):
    """Queues: watched, paused, resumed and emptied by operators, limited by admins. The first task
    creates one."""

    change_form_template = "tasks_app/queue.html"
    fields = ["max_running", "rate_per_second"]
    actions = ["pause", "resume", "bulk"]
    # Limits are configuration.
    exported = "queues"
    required_roles = {**SEEN_BY_VIEWERS, "change": Role.ADMIN}
    list_select_related = ["workspace", "descriptor"]

    def extra_pages(self) -> list[Any]:
        return [
            ("<int:object_id>/pause/", self.pause_view, "pause"),
            ("<int:object_id>/resume/", self.resume_view, "resume"),
            ("<int:object_id>/cancel/", self.cancel_view, "cancel"),
            ("<int:object_id>/describe/", self.describe_view, "describe"),
        ]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Never: the first task creates a queue."""
        return False

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The queues that wait longest first. Django handles the actions that are posted."""
        if request.method == "POST":
            return super().changelist_view(request, extra_context)
        if not self.has_view_permission(request):
            raise PermissionDenied
        search, kind = _read_text(request, "q"), request.GET.get("show", "")
        workspace = _read_text(request, "workspace")
        queues = self.export_rows(request)
        order = request.GET.get("sort", "")
        own = [each.slug for each in list_own_workspaces(request)]
        followed = [slug for slug in own if workspace in ("", slug)]
        lines = list_queue_lines(
            queues,
            number=request.GET.get("p"),
            by_name=order == "name",
            objective_ms=read_objective_ms(),
        )
        return self.render(
            request,
            "tasks_app/queues.html",
            title="Queues",
            is_list=True,
            list=lines,
            export=self.describe_export(request, None if lines.has_more else lines.total),
            search=search,
            kind=kind,
            workspace=workspace,
            order=order,
            may_operate=self.allows(request, "act"),
            live_workspace=workspace if workspace in own else "",
            new_rows="" if search or kind else _new_rows(followed),
            bulk_all=self.bulk_link(request, "queues", _read_wanted(request)),
            max_reason=MAX_PAUSE_REASON,
        )

    def export_rows(self, request: HttpRequest, workspaces: Sequence[UUID] = ()) -> QuerySet[Queue]:
        """The queues at this address."""
        queues = self.get_queryset(request).select_related(*self.list_select_related)
        wanted = _read_wanted(request)
        if "search" in wanted:
            queues = queues.filter(name__icontains=wanted["search"])
        if workspace := _read_text(request, "workspace"):
            queues = queues.filter(workspace__slug=workspace)
        if "paused" in wanted:
            queues = queues.filter(paused_at__isnull=False)
        return queues

    def describe(self, request: HttpRequest, queue: Any) -> dict[str, Any]:
        context = describe_queue(
            queue,
            objective_ms=read_objective_ms(),
            workspaces=self.workspaces_for(request, "view"),
            span=request.GET.get("span", ""),
            grouping=request.GET.get("by", ""),
        )
        return {
            **context,
            "described": describe_queue_of(queue),
            "declared_queue": declared_queues().get(queue.name),
            "last_described": find_last_description(queue.workspace_id, queue.name),
            "may_operate": is_allowed(request, Role.OPERATOR, queue.workspace_id),
            "live_workspace": queue.workspace.slug,
            "max_reason": MAX_PAUSE_REASON,
            "title": queue.name,
            "subtitle": None,
        }

    def save_model(self, request: HttpRequest, obj: Queue, form: Any, change: bool) -> None:
        """Through the service, which writes the audit log and wakes workers."""
        save_limits(request, self.get_queryset(request).get(pk=obj.pk), form)

    def response_change(self, request: HttpRequest, obj: Queue) -> HttpResponse:
        """Stay on the page of the queue."""
        return HttpResponseRedirect(self.row_url(obj.pk))

    @method_decorator(require_POST)
    def pause_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        queue = self.get_row(request, object_id)
        set_paused(request, queue, paused=True)
        return HttpResponseRedirect(self.row_url(queue.pk))

    @method_decorator(require_POST)
    def resume_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        queue = self.get_row(request, object_id)
        set_paused(request, queue, paused=False)
        return HttpResponseRedirect(self.row_url(queue.pk))

    @method_decorator(require_POST)
    def describe_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Change the description of the queue, or put back the description before."""
        queue = self.get_row(request, object_id)
        key = {
            "workspace_id": queue.workspace_id,
            "name": queue.name,
            "actor": self.require_operator(request, queue.workspace_id),
        }
        changes = {name: request.POST[name] for name in FIELDS if name in request.POST}
        before, what = describe_queue_of(queue), f"the description of {isolated_text(queue.name)}"

        def act() -> None:
            if "undo" in request.POST:
                services.undo_queue_descriptor(**key)
            else:
                services.change_queue_descriptor(**key, changes=changes)

        if self.call_service(request, act):
            if describe_queue_of(self.get_row(request, object_id)) == before:
                show_unchanged(request, what)
            else:
                text = f"{capfirst(what)} was saved. Undo is below it."
                self.message_user(request, text, messages.SUCCESS)
        return HttpResponseRedirect(f"{self.row_url(queue.pk)}#described")

    def cancel_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Cancel the waiting tasks of one type or with one tag, or all of them, after a
        confirmation that counts them."""
        queue = self.get_row(request, object_id)
        actor = self.require_operator(request, queue.workspace_id)
        chosen = read_slice(request.POST if request.method == "POST" else request.GET, queue)
        problem = ""
        form = ReasonForm(request.POST if is_confirmed(request) else None)
        if is_confirmed(request):
            if chosen.is_whole_queue and request.POST.get("confirm") != queue.name:
                name = isolated_text(queue.name)
                problem = f"Type {name} to confirm that all its waiting tasks are cancelled."
            elif form.is_valid():
                self._cancel(request, chosen, actor)
                return HttpResponseRedirect(self.row_url(queue.pk))
        return self._confirm(request, chosen, form, problem)

    def _confirm(
        self, request: HttpRequest, chosen: WaitingSlice, form: ReasonForm, problem: str
    ) -> HttpResponse:
        try:
            counted = count_slice(chosen)
        except DomainError as error:
            self.message_user(request, str(error), messages.ERROR)
            return HttpResponseRedirect(self.row_url(chosen.queue.pk))
        return self.render(
            request,
            "tasks_app/cancel_slice.html",
            title=f"Cancel {chosen.words}?",
            original=chosen.queue,
            slice=chosen,
            counted=counted,
            form=form,
            most=MAX_COUNTED,
            problem=problem,
            confirmed=CONFIRMED,
        )

    def _cancel(self, request: HttpRequest, chosen: WaitingSlice, actor: Actor) -> None:
        try:
            result = services.act_on_tasks(
                workspace_id=chosen.queue.workspace_id,
                actor=actor,
                action="cancel",
                wanted=chosen.filter,
            )
        except DomainError as error:
            self.message_user(request, str(error), messages.ERROR)
            return
        tasks = format_count(result.matched, "waiting task")
        text = f"Cancelled {result.changed:,} of {tasks} ({chosen.words})."
        if result.has_more:
            text += " There are more: cancel again for the rest."
        level = level_of(result.changed, result.matched, has_more=result.has_more)
        self.message_user(request, text, level)

    @confirmed_action(
        "Pause",
        button="Pause",
        warning="They start no tasks until they are resumed. Tasks that run continue.",
        is_undoable=True,
    )
    def pause(self, request: HttpRequest, queryset: QuerySet[Queue]) -> None:
        if _read_reason(request):
            self._set_paused(request, queryset, paused=True)
        else:
            self.message_user(request, f"Nothing was paused. {_NEEDS_REASON}", messages.ERROR)

    @confirmed_action(
        "Resume", button="Resume", warning="They start tasks again, at once.", is_undoable=True
    )
    def resume(self, request: HttpRequest, queryset: QuerySet[Queue]) -> None:
        self._set_paused(request, queryset, paused=False)

    @admin.action(description="Bulk operation…")
    def bulk(self, request: HttpRequest, queryset: QuerySet[Queue]) -> HttpResponse:
        """On the selected queues."""
        return self.to_bulk_operation(request, queryset, "queues", key="name")

    def _set_paused(self, request: HttpRequest, queues: QuerySet[Queue], *, paused: bool) -> None:
        changes = {"paused": paused, "reason": _read_reason(request)}
        undone: list[dict[str, Any]] = []

        def act(queue: Queue, actor: Actor) -> None:
            change = change_queue(queue.workspace_id, queue.name, actor, changes)
            if change["before"] == change["after"]:
                raise Conflict("It was paused already." if paused else "It was not paused.")
            undone.append(change)

        done = "paused" if paused else "resumed"
        self.act_on_rows(request, queues, act, done, undo=("queues", {"queues": undone}))


def save_limits(request: HttpRequest, queue: Queue, form: Any) -> None:
    """The limits of a valid form; `queue` is as it is stored."""
    actor = actor_in(request, queue.workspace_id)
    changes = {name: form.cleaned_data[name] for name in form.changed_data}
    _change(
        request, queue, actor, changes, f"The limits of {isolated_text(queue.name)} were saved."
    )


def set_paused(request: HttpRequest, queue: Queue, *, paused: bool) -> None:
    """Pause for the reason of the form, or resume. Raises PermissionDenied."""
    actor = actor_with_role(request, queue.workspace_id)
    reason = _read_reason(request)
    name = isolated_text(queue.name)
    if paused and not reason:
        messages.add_message(request, messages.ERROR, _NEEDS_REASON)
        return
    text = f"Queue {name} is resumed: its tasks start again."
    if paused:
        text = f"Queue {name} is paused. Its running tasks finish, the others wait."
    _change(request, queue, actor, {"paused": paused, "reason": reason}, text)


def _change(
    request: HttpRequest, queue: Queue, actor: Actor, changes: dict[str, Any], text: str
) -> None:
    """Change one queue; the next page offers to undo it, unless everything was so already."""
    try:
        undone = change_queue(queue.workspace_id, queue.name, actor, changes)
    except DomainError as error:
        messages.add_message(request, messages.ERROR, str(error))
        return
    if undone["before"] == undone["after"]:
        show_unchanged(request, f"queue {isolated_text(queue.name)}")
    else:
        offer_undo(request, "queues", {"queues": [undone]}, text)


def _new_rows(workspaces: list[str]) -> str:
    """Where new queues of these workspaces appear; empty for more than a page can follow."""
    if len(workspaces) > PAGE:
        return ""
    return " ".join(f"{slug}/queues#order" for slug in workspaces)


def _read_wanted(request: HttpRequest) -> dict[str, Any]:
    """The conditions of the address, beside its workspace, as a bulk operation takes them."""
    wanted: dict[str, Any] = {}
    if search := _read_text(request, "q"):
        wanted["search"] = search
    if request.GET.get("show") == "paused":
        wanted["paused"] = True
    return wanted


def _read_text(request: HttpRequest, name: str) -> str:
    """A parameter of the address that a column can hold."""
    return request.GET.get(name, "").replace("\0", "").strip()


def _read_reason(request: HttpRequest) -> str:
    text = " ".join(request.POST.get("reason", "").replace("\0", " ").split())
    return text[:MAX_PAUSE_REASON]
