"""The page that submits a task: a new one, a copy, or the work of an ended one once more."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect

from controlplane.core.errors import DomainError, FieldError, Invalid
from controlplane.core.ids import parse_uuid_or_none
from controlplane.core.schema import represent_value
from controlplane.core.visibletext import isolated_text
from controlplane.workspaces.adminaccess import actor_in
from controlplane.workspaces.adminpages import list_own_workspaces
from controlplane.workspaces.chosen import prefer_workspace
from controlplane.workspaces.states import Role
from tasks_app import services
from tasks_app.admin.submitform import (
    JSON_FIELD,
    MODE_FIELD,
    SubmitForm,
    empty_form,
    form_of_post,
    form_of_task,
)
from tasks_app.admin.submitlayout import draw
from tasks_app.admin.taskcopy import BROKEN
from tasks_app.admin.trails import trail_of
from tasks_app.models import Task
from tasks_app.processors import registry
from tasks_app.processors.registry import Processor, UnknownType, all_processors
from tasks_app.queries import get_states
from tasks_app.queries.tasks import is_key_used
from tasks_app.specs import TaskSpec
from tasks_app.states import ParentFailure


@dataclass(frozen=True, slots=True)
class Source:
    """The task that is copied, or repeated. `shown_payload` is what the person may see of it."""

    task: Task
    shown_payload: Any
    is_repeat: bool

    @property
    def param(self) -> tuple[str, str]:
        return ("edit" if self.is_repeat else "clone", str(self.task.id))


def show(pages: Any, request: HttpRequest) -> HttpResponse:
    """The form, or the page of the task that it submitted."""
    workspaces = list_own_workspaces(request, Role.OPERATOR)
    if not workspaces or not pages.has_view_permission(request):
        raise PermissionDenied("Submitting a task needs the role operator.")
    source = _read_source(pages, request)
    processor = _read_type(request, source)
    if processor is None:
        return _ask_for_type(pages, request)
    workspace_id = _read_workspace(request, source, workspaces)
    if request.method == "POST":
        form = form_of_post(processor, {name: request.POST[name] for name in request.POST})
        task_id = _submit(pages, request, form, source, workspace_id)
        if task_id is not None:
            return HttpResponseRedirect(pages.row_url(task_id))
    elif source is not None:
        form = form_of_task(processor, source.task, source.shown_payload)
    else:
        form = empty_form(processor)
    return _show_form(pages, request, form, source, workspaces, workspace_id)


def _read_source(pages: Any, request: HttpRequest) -> Source | None:
    """Raises Http404, PermissionDenied."""
    for param, is_repeat in (("edit", True), ("clone", False)):
        if text := request.GET.get(param):
            task_id = parse_uuid_or_none(text)
            if task_id is None:
                raise Http404("This is not the id of a task.")
            task = pages.get_row(request, task_id)
            actor = pages.require_operator(request, task.workspace_id)
            return Source(task, represent_value("payload", task.payload, actor), is_repeat)
    return None


def _read_type(request: HttpRequest, source: Source | None) -> Processor | None:
    name = source.task.type if source is not None else request.GET.get("type", "")
    try:
        processor = registry.get(name)
    except UnknownType:
        return None
    return None if processor.is_internal else processor


def _read_workspace(request: HttpRequest, source: Source | None, workspaces: list[Any]) -> UUID:
    """That of the source, the chosen one, or the one chosen last. Raises PermissionDenied."""
    if source is not None:
        return source.task.workspace_id
    slug = request.POST.get("workspace") or request.GET.get("workspace") or ""
    if not slug:
        chosen: UUID = (prefer_workspace(request, workspaces) or workspaces[0]).id
        return chosen
    named: list[UUID] = [each.id for each in workspaces if each.slug == slug]
    if not named:
        raise PermissionDenied("Submitting a task there needs the role operator.")
    return named[0]


def _submit(
    pages: Any,
    request: HttpRequest,
    form: SubmitForm,
    source: Source | None,
    workspace_id: UUID,
) -> UUID | None:
    """The new task, or None: then the form says what is wrong."""
    repeated = source.task.id if source is not None and source.is_repeat else None
    spec = form.read_spec(repeated)
    if spec is None:
        return None
    try:
        if not (spec.idempotency_key and is_key_used(workspace_id, spec.idempotency_key)):
            _check_parents(workspace_id, spec)
        if repeated is not None:
            task_id: UUID = services.repeat_task(
                workspace_id=workspace_id,
                task_id=repeated,
                spec=spec,
                actor=actor_in(request, workspace_id),
            )
            pages.message_user(request, "Submitted: this task does the work again.", "success")
            return task_id
        task, is_new = services.accept_task(
            workspace_id=workspace_id,
            spec=spec,
            submitter=actor_in(request, workspace_id).as_submitter,
        )
    except DomainError as error:
        form.refuse(error)
        return None
    if is_new:
        pages.message_user(request, "Submitted.", "success")
    else:
        text = "Nothing was submitted: the idempotency key was used before, for this task."
        pages.message_user(request, text, "warning")
    return UUID(str(task.id))


def _check_parents(workspace_id: UUID, spec: TaskSpec) -> None:
    """Raises Invalid for a parent that did not complete, since the new task would be cancelled at
    once."""
    if spec.on_parent_failure == ParentFailure.RUN:
        return
    states = get_states(workspace_id, [UUID(str(parent)) for parent in spec.depends_on])
    for parent, state in states.items():
        if state in BROKEN:
            advice = "Retry that one first, leave it out, or choose to run this task anyway."
            message = f"{parent} did not complete: this task would be cancelled at once. {advice}"
            raise Invalid(errors=[FieldError(field="dependsOn", message=message)])


def _ask_for_type(pages: Any, request: HttpRequest) -> HttpResponse:
    offered = [each for each in all_processors() if not each.is_internal]
    page: HttpResponse = pages.render(
        request,
        "tasks_app/submit_type.html",
        title="New task",
        types=offered,
        unknown=request.GET.get("type", ""),
        workspace=request.GET.get("workspace", ""),
    )
    return page


def _show_form(
    pages: Any,
    request: HttpRequest,
    form: SubmitForm,
    source: Source | None,
    workspaces: list[Any],
    workspace_id: UUID,
) -> HttpResponse:
    is_repeat = source is not None and source.is_repeat
    title = "New task"
    if source is not None:
        verb = "Edit and retry" if is_repeat else "Clone"
        title = f"{verb}: {isolated_text(source.task.name)}"
    page: HttpResponse = pages.render(
        request,
        "tasks_app/submit_form.html",
        title=title,
        original=source.task if source is not None else None,
        trail=trail_of(source.task if source is not None else None, title),
        source=source,
        is_repeat=is_repeat,
        button="Retry with these values" if is_repeat else "Submit the task",
        form=form,
        parts=draw(form),
        processor=form.processor,
        types=[each.name for each in all_processors() if not each.is_internal],
        json_field=JSON_FIELD,
        json_errors=form.errors.get(JSON_FIELD, []),
        mode_field=MODE_FIELD,
        workspaces=workspaces if source is None and len(workspaces) > 1 else (),
        workspace_id=workspace_id,
    )
    return page
