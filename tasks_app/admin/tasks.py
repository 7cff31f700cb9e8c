"""The pages of tasks: the list, one task, a new one, and the actions on them."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse

from controlplane.core.admin.actions import act_on_each, confirmed_action
from controlplane.core.admin.pages import RowPageAdmin, View
from controlplane.core.errors import Invalid, NotFound
from controlplane.core.formatting import format_count
from controlplane.core.ids import parse_uuid_or_none
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.adminaccess import submitter_of
from controlplane.workspaces.adminpages import WorkspacePages
from tasks_app import services
from tasks_app.admin import familypage, submitpage, taskactions
from tasks_app.admin.listaddress import ListAddress, clean_params, read_address
from tasks_app.admin.listpage import describe_list, read_scope
from tasks_app.admin.livelist import describe_changes
from tasks_app.admin.livetask import describe_task_changes
from tasks_app.admin.taskactions import PriorityForm
from tasks_app.admin.tasklogs import describe_older, to_json
from tasks_app.admin.taskpage import describe_task
from tasks_app.filters import filter_to_body
from tasks_app.models import Task
from tasks_app.queries.lists import list_tasks_of
from tasks_app.queries.refusals import explain_unchanged
from tasks_app.states import TaskState
from tasks_app.undo import priority_change, read_priorities

_BATCH = 500
_MAX_COUNTED = 10_000
Act = Callable[[UUID, list[UUID], Actor], tuple[int, Sequence[str]]]


def _warn_of_repeats(rows: QuerySet[Task]) -> str:
    done = rows.filter(state=TaskState.COMPLETED).order_by()[:_MAX_COUNTED].count()
    if not done:
        return "Each ended task starts a new round of attempts."
    more = " or more" if done == _MAX_COUNTED else ""
    return (
        f"{format_count(done, 'task')}{more} of these completed: the work would be done a second "
        "time."
    )


def _read_own_address(request: HttpRequest) -> ListAddress:
    return read_address(clean_params(request.GET), submitter_of(request))


@admin.register(Task)
class TaskAdmin(WorkspacePages, RowPageAdmin):
    """Tasks with their history. Actions call the services as the person who is logged in."""

    exported = "tasks"
    gone = "This task was removed, or it is not yours to see."
    ordering = ["-id"]
    search_fields = ["name", "type"]
    actions = ["cancel", "retry", "run_now", "reprioritize", "bulk"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Task]:
        """With what the page of a task says of its queue."""
        return super().get_queryset(request).select_related("workspace", "queue__descriptor")

    def extra_pages(self) -> Sequence[tuple[str, View, str]]:
        """A new task; the actions and the neighbours of one."""
        return [
            ("submit/", self.submit_view, "submit"),
            ("changes/", self.list_changes_view, "list_changes"),
            ("<uuid:object_id>/changes/", self.changes_view, "changes"),
            ("<uuid:object_id>/logs/", self.logs_view, "logs"),
            ("<uuid:object_id>/act/", self.act_view, "act"),
            ("<uuid:object_id>/family/", self.family_view, "family"),
        ]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The list. A POST acts on the selected tasks, or on all that match the address."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        if request.method == "POST":
            return self._run_action(request)
        params = clean_params(request.GET)
        if params.urlencode() != request.GET.urlencode():
            return HttpResponseRedirect(f"{request.path}?{params.urlencode()}".rstrip("?"))
        context = describe_list(request, read_address(params, submitter_of(request)))
        figures = context["figures"]
        context["export"] = self.describe_export(request, figures.total, figures.is_estimate)
        return self.render(request, "tasks_app/task_list.html", title="Tasks", **context)

    def show_row(self, request: HttpRequest, row: Task) -> HttpResponse:
        """The page of one task. It is changed by actions only."""
        try:
            context = describe_task(request, row)
        except NotFound as error:  # it was removed between the queries
            raise Http404(str(error)) from error
        return self.render(request, "tasks_app/task_page.html", original=row, **context)

    def export_rows(self, request: HttpRequest, workspaces: Sequence[UUID]) -> QuerySet[Task]:
        """All tasks that match the address. Raises Invalid."""
        address = _read_own_address(request)
        if address.errors:
            raise Invalid(errors=address.errors)
        return list_tasks_of(workspaces, address.wanted)

    def list_changes_view(self, request: HttpRequest) -> HttpResponse:
        """For an open list: what has changed in it."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        try:
            return JsonResponse(describe_changes(request))
        except Invalid as error:
            return JsonResponse({"problem": str(error)}, status=error.status)

    def changes_view(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """For an open page of a task: what it shows now."""
        task = self.get_row(request, object_id)
        try:
            return JsonResponse(describe_task_changes(request, task))
        except NotFound as error:
            raise Http404(str(error)) from error

    def logs_view(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """Older log lines: a page, or JSON for the page of the task."""
        context = describe_older(request, self.get_row(request, object_id))
        if request.accepts("text/html"):
            return self.render(request, "tasks_app/task_logs.html", **context)
        lines = to_json(context["log_lines"])
        return JsonResponse({"lines": lines, "olderLinesUrl": context["older_url"]})

    def submit_view(self, request: HttpRequest) -> HttpResponse:
        """A form made of the type's schema: for a new task, a copy, or another try."""
        return submitpage.show(self, request)

    def act_view(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """One action on one task: first the question, then the result, on the task's page."""
        return taskactions.act(self, request, self.get_row(request, object_id))

    def family_view(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """All parents or children of a task."""
        context = familypage.describe_family(request, self.get_row(request, object_id))
        return self.render(request, "tasks_app/family.html", **context)

    def _run_action(self, request: HttpRequest) -> HttpResponse:
        """The action that a form of the list names."""
        here = HttpResponseRedirect(request.get_full_path())
        action = self.get_actions(request).get(request.POST.get("action", ""))
        if action is None:
            self.message_user(request, "Choose an action.", "warning")
            return here
        rows = self._selected(request)
        if rows is None:
            self.message_user(request, "Select tasks first: nothing was changed.", "warning")
            return here
        answer = action[0](self, request, rows)
        return answer if isinstance(answer, HttpResponse) else here

    def _selected(self, request: HttpRequest) -> QuerySet[Task] | None:
        """The tasks of the form, or all that match the address; None without any."""
        if request.POST.get("select_across") == "1":
            address = _read_own_address(request)
            if address.errors:
                return None
            scope = read_scope(request, address)
            return list_tasks_of(scope.searched, address.wanted)
        chosen = request.POST.getlist(ACTION_CHECKBOX_NAME)
        ids = [found for each in chosen if (found := parse_uuid_or_none(each))]
        return self.get_queryset(request).filter(id__in=ids) if ids else None

    @confirmed_action(
        "Cancel",
        button="Cancel",
        warning="Waiting tasks are cancelled at once, running tasks are asked to stop. Dependent "
        "tasks are cancelled with them.",
    )
    def cancel(self, request: HttpRequest, queryset: QuerySet[Task]) -> None:
        def act(workspace_id: UUID, ids: list[UUID], actor: Actor) -> tuple[int, list[str]]:
            ended, stopping = services.cancel_tasks(workspace_id=workspace_id, ids=ids, actor=actor)
            done = [*ended, *stopping]
            return len(done), explain_unchanged(workspace_id, ids, "cancel", done)

        self._act(request, queryset, act, "cancelled or asked to stop")

    @confirmed_action("Retry", button="Retry", warning=_warn_of_repeats)
    def retry(self, request: HttpRequest, queryset: QuerySet[Task]) -> None:
        def act(workspace_id: UUID, ids: list[UUID], actor: Actor) -> tuple[int, list[str]]:
            done = services.retry_tasks(workspace_id=workspace_id, ids=ids, actor=actor)
            return len(done), explain_unchanged(workspace_id, ids, "retry", done)

        self._act(request, queryset, act, "retried")

    @confirmed_action(
        "Run now",
        button="Run now",
        warning="Tasks that wait for a time or a back-off become ready at once.",
    )
    def run_now(self, request: HttpRequest, queryset: QuerySet[Task]) -> None:
        def act(workspace_id: UUID, ids: list[UUID], actor: Actor) -> tuple[int, list[str]]:
            def run(task_id: UUID) -> None:
                services.run_task_now(workspace_id=workspace_id, task_id=task_id, actor=actor)

            result = act_on_each(ids, run)
            return result.changed, list(result.refusals)

        self._act(request, queryset, act, "made ready")

    @confirmed_action(
        "Change the priority",
        button="Reprioritize",
        warning="Higher ones of a queue run first. Only waiting tasks take a priority.",
        form_class=PriorityForm,
        is_undoable=True,
    )
    def reprioritize(
        self, request: HttpRequest, queryset: QuerySet[Task], form: PriorityForm
    ) -> None:
        priority: int = form.cleaned_data["priority"]
        undone: list[dict[str, Any]] = []

        def act(workspace_id: UUID, ids: list[UUID], actor: Actor) -> tuple[int, list[str]]:
            before = read_priorities(workspace_id, ids)
            done = services.reprioritize_tasks(
                workspace_id=workspace_id, ids=ids, priority=priority, actor=actor
            )
            undone.append(priority_change(workspace_id, before, done, priority))
            return len(done), explain_unchanged(workspace_id, ids, "reprioritize", done)

        undo = ("priorities", {"changes": undone})
        self._act(request, queryset, act, f"given priority {priority}", undo)

    @admin.action(description="Bulk operation")
    def bulk(self, request: HttpRequest, queryset: QuerySet[Task]) -> HttpResponse:
        """On the selected tasks, or on all that match the address, however many."""
        wanted = None
        if request.POST.get("select_across") == "1":
            wanted = filter_to_body(_read_own_address(request).wanted)
        return self.to_bulk_operation(request, queryset, "tasks", wanted=wanted)

    def _act(
        self,
        request: HttpRequest,
        tasks: QuerySet[Task],
        act: Act,
        done: str,
        undo: tuple[str, dict[str, Any]] | None = None,
    ) -> None:
        rest = "Use a bulk operation for the rest."
        self.act_on_batches(request, tasks, act, done, size=_BATCH, rest=rest, undo=undo)
