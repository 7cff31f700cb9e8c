"""What can be done with one task now: buttons, the question before each, and doing it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import urlencode

from controlplane.core.admin.actions import CONFIRMED
from controlplane.core.admin.forms import ReasonForm, ServiceForm, bounds_of
from controlplane.core.admin.undo import offer_undo
from controlplane.core.errors import Conflict, DomainError
from controlplane.core.formatting import format_count, format_state
from controlplane.core.visibletext import visible_text
from controlplane.workspaces.actors import Actor
from tasks_app import services
from tasks_app.admin.trails import trail_of
from tasks_app.models import Task
from tasks_app.processors import registry
from tasks_app.processors.registry import UnknownType
from tasks_app.schema.submission import TaskFields
from tasks_app.states import FINAL, WAITING, TaskState
from tasks_app.undo import priority_change


class PriorityForm(ServiceForm):
    """The priority that waiting tasks get."""

    priority = forms.IntegerField(
        **bounds_of(TaskFields, "priority"),
        help_text="From -100 to 100. Higher priorities run first.",
        error_messages={"required": "Give a priority from -100 to 100."},
    )


@dataclass(frozen=True, slots=True)
class TaskAction:
    """A button. Without a question it leads to `url` at once."""

    key: str
    title: str
    icon: str
    url: str
    question: str = ""
    consequence: str = ""
    button: str = ""
    is_primary: bool = False
    is_harmful: bool = False
    form: Any = None

    @property
    def dialog_id(self) -> str:
        return f"ask-{self.key}"


def list_actions(task: Mapping[str, Any]) -> list[TaskAction]:
    """Those that the state of a represented task allows, the most helpful first."""
    return list(_actions(task))


def _actions(task: Mapping[str, Any]) -> Iterator[TaskAction]:
    status = task["status"]
    is_step = task["workflowRunId"] is not None
    is_known = _is_offered(task["type"])
    if status in FINAL and not is_step:
        yield _retry(task)
        if is_known:
            yield _form_link(
                "edit", "Edit and retry…", "edit", task, is_primary=status != "COMPLETED"
            )
    if status in (TaskState.SCHEDULED, TaskState.RETRYING):
        yield _run_now(task)
    if status in WAITING:
        yield _reprioritize(task)
    if is_known:
        yield _form_link("clone", "Clone", "plus", task)
    if status not in FINAL and not task["cancelRequested"]:
        yield _cancel(task)


def _is_offered(type_name: str) -> bool:
    """Whether people may submit tasks of this type."""
    try:
        return not registry.get(type_name).is_internal
    except UnknownType:
        return False


def _act_url(task: Mapping[str, Any], key: str) -> str:
    return f"{reverse('admin:tasks_app_task_act', args=[task['id']])}?{urlencode({'action': key})}"


def _form_link(
    key: str, title: str, icon: str, task: Mapping[str, Any], *, is_primary: bool = False
) -> TaskAction:
    url = f"{reverse('admin:tasks_app_task_submit')}?{urlencode({key: task['id']})}"
    return TaskAction(key, title, icon, url, is_primary=is_primary)


def _retry(task: Mapping[str, Any]) -> TaskAction:
    consequence = {
        TaskState.COMPLETED: "It completed, and its work would be done a second time: what it has "
        "paid, sent or written would be paid, sent or written again.",
        TaskState.FAILED: "A new round of attempts starts with the same payload. Its open dead "
        "letter then counts as reprocessed.",
        TaskState.CANCELLED: "It was cancelled, and would run after all. Tasks that were cancelled "
        "with it stay cancelled.",
    }[TaskState(task["status"])]
    return TaskAction(
        key="retry",
        title="Retry…",
        icon="retry",
        url=_act_url(task, "retry"),
        question="Run this completed task again?"
        if task["status"] == TaskState.COMPLETED
        else "Retry this task?",
        consequence=consequence,
        button="Run it again" if task["status"] == TaskState.COMPLETED else "Retry",
        is_harmful=task["status"] == TaskState.COMPLETED,
        form=ReasonForm(needed=False),
    )


def _run_now(task: Mapping[str, Any]) -> TaskAction:
    wait = "back-off" if task["status"] == TaskState.RETRYING else "wait for its time"
    return TaskAction(
        key="run_now",
        title="Run now…",
        icon="play",
        url=_act_url(task, "run_now"),
        question="Run this task now?",
        consequence=f"Its {wait} ends: the next attempt starts as soon as a slot is free.",
        button="Run now",
        is_primary=True,
        form=ReasonForm(needed=False),
    )


def _reprioritize(task: Mapping[str, Any]) -> TaskAction:
    return TaskAction(
        key="reprioritize",
        title="Priority…",
        icon="updown",
        url=_act_url(task, "reprioritize"),
        question="Change the priority of this task?",
        consequence=f"It is {task['priority']} now. Higher ones of the queue run first.",
        button="Change the priority",
        form=PriorityForm(initial={"priority": task["priority"]}),
    )


def _cancel(task: Mapping[str, Any]) -> TaskAction:
    if task["status"] == TaskState.RUNNING:
        node = f" on {task['workerNode']}" if task["workerNode"] else ""
        consequence = f"It runs{node}: it is asked to stop, and is stopped after its grace period."
    else:
        consequence = f"It is {format_state(task['status'])}, and ends at once."
    if children := task["dependentsTotal"]:
        noun = format_count(children, "task")
        consequence += (
            f" {noun} that wait for it are cancelled with it, but for those that run anyway."
        )
    return TaskAction(
        key="cancel",
        title="Cancel…",
        icon="x",
        url=_act_url(task, "cancel"),
        question="Cancel this task?",
        consequence=consequence,
        button="Cancel the task",
        is_harmful=True,
        form=ReasonForm(needed=False),
    )


def act(pages: Any, request: HttpRequest, task: Task) -> HttpResponse:
    """Ask, or do what was confirmed and return to the page of the task."""
    actor = pages.require_operator(request, task.workspace_id)
    key = request.GET.get("action", "")
    home = HttpResponseRedirect(pages.row_url(task.pk))
    action = next((a for a in list_actions(_fresh(task)) if a.key == key and a.question), None)
    if action is None:
        if key not in _DEEDS:
            pages.message_user(request, "Choose an action.", messages.WARNING)
            return home
        # The state has changed since the page was drawn.
        pages.message_user(request, f"Nothing was changed. {_refusal(key, task)}", messages.ERROR)
        return home
    form = _form_of(action, request)
    is_confirmed = request.method == "POST" and CONFIRMED in request.POST
    if is_confirmed and request.POST.get("status") != task.state:
        # What the question named as the consequence may be another one now.
        text = f"Nothing was changed yet: the task is {format_state(task.state)} now."
        pages.message_user(request, text, messages.WARNING)
    elif is_confirmed and (form is None or form.is_valid()):
        _do(pages, request, key, task, actor, form)
        return home
    page: HttpResponse = pages.render(
        request,
        "tasks_app/confirm.html",
        title=action.question,
        original=task,
        name=visible_text(task.name),
        trail=trail_of(task, action.question),
        action=action,
        form=form,
        confirmed=CONFIRMED,
    )
    return page


def _form_of(action: TaskAction, request: HttpRequest) -> Any:
    if action.form is None:
        return None
    if request.method != "POST":
        return action.form
    is_priority = action.key == "reprioritize"
    return PriorityForm(request.POST) if is_priority else ReasonForm(request.POST, needed=False)


def _fresh(task: Task) -> dict[str, Any]:
    """What the questions need, without the rest of the page."""
    children = task.dependents.count() if task.has_dependents else 0
    return {
        "id": task.id,
        "status": task.state,
        "type": task.type,
        "priority": task.priority,
        "workflowRunId": task.workflow_run_id,
        "cancelRequested": task.cancel_requested_at is not None,
        "workerNode": None,
        "dependentsTotal": children,
    }


def _do(pages: Any, request: HttpRequest, key: str, task: Task, actor: Actor, form: Any) -> None:
    """Do it, and report the result: only what happened is green."""
    values = {"priority": form.cleaned_data["priority"]} if key == "reprioritize" else {}
    try:
        text = _DEEDS[key](task, actor, **values)
    except DomainError as error:
        pages.message_user(request, f"Nothing was changed. {error}", messages.ERROR)
        return
    if key == "reprioritize":
        change = priority_change(task.workspace_id, {task.id: task.priority}, [task.id], **values)
        offer_undo(request, "priorities", {"changes": [change]}, text)
    else:
        pages.message_user(request, text, messages.SUCCESS)


def _refusal(key: str, task: Task) -> str:
    if key == "retry" and task.workflow_run_id is not None:
        return "It is a step of a workflow run, which is retried as a whole."
    if key == "cancel" and task.cancel_requested_at is not None:
        return "It was asked to stop before."
    return f"The task is {format_state(task.state)}: this is not possible in that state."


def _do_retry(task: Task, actor: Actor) -> str:
    services.retry_task(workspace_id=task.workspace_id, task_id=task.id, actor=actor)
    return "Retried: a new round of attempts starts."


def _do_run_now(task: Task, actor: Actor) -> str:
    services.run_task_now(workspace_id=task.workspace_id, task_id=task.id, actor=actor)
    return "It is ready, and starts as soon as a slot is free."


def _do_cancel(task: Task, actor: Actor) -> str:
    found = services.cancel_task(workspace_id=task.workspace_id, task_id=task.id, actor=actor)
    return "Cancelled." if found == "ended" else "Asked to stop. It ends when its handler stops."


def _do_reprioritize(task: Task, actor: Actor, priority: int) -> str:
    changed = services.reprioritize_tasks(
        workspace_id=task.workspace_id, ids=[task.id], priority=priority, actor=actor
    )
    if not changed:
        raise Conflict(
            f"It has priority {priority} already."
            if priority == task.priority
            else "Only a waiting task can be given another priority."
        )
    return f"Priority {priority}: it was {task.priority}."


_DEEDS: dict[str, Callable[..., str]] = {
    "retry": _do_retry,
    "run_now": _do_run_now,
    "cancel": _do_cancel,
    "reprioritize": _do_reprioritize,
}
