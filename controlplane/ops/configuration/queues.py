"""The queues with their limits and pauses, which are changed here as on the page of a queue."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.http import urlencode

from controlplane.ops.configuration.access import require_verb, show_denied
from controlplane.ops.configuration.queries import MAX_QUEUES, list_limited_queues
from controlplane.ops.configuration.scaling import require_role_anywhere
from controlplane.ops.configuration.sections import pages_of, render, section_url
from controlplane.ops.configuration.sources import Value, describe_all
from controlplane.workspaces.adminaccess import is_allowed
from controlplane.workspaces.adminpages import list_own_workspaces
from controlplane.workspaces.states import Role
from scaling.queries.pool import read_objective
from tasks_app.admin.queues import save_limits, set_paused
from tasks_app.queues import MAX_PAUSE_REASON

QUEUES = "tasks_app.Queue"
_ENVIRONMENT = {
    "REMOVE_ON_COMPLETE": ("QUEUE_REMOVE_ON_COMPLETE", "Newest completed tasks shown of a queue"),
    "REMOVE_ON_FAIL": ("QUEUE_REMOVE_ON_FAIL", "Newest failed tasks shown of a queue"),
    "WORKER_QUEUES": ("WORKER_QUEUES", "Queues that a worker takes"),
    "WORKER_CONCURRENCY": ("WORKER_CONCURRENCY", "Slots of a worker"),
    "LEASE_SECONDS": ("TASKPLANE_LEASE_SECONDS", "Seconds of a lease"),
    "LOST_LIMIT": ("LOST_LIMIT", "Lost workers before a task is quarantined"),
}


def queues(request: HttpRequest) -> HttpResponse:
    """The queues, and the form of the one that the address names with `change`. Posted, that one
    is changed."""
    require_role_anywhere(request)
    denied = show_denied(request, "queues", QUEUES, environment=_describe_environment())
    if denied is not None:
        return denied
    if request.method == "POST":
        return _post(request)
    return _show(request, _describe_form(request, request.GET.get("change", "")))


def _show(request: HttpRequest, form: dict[str, Any]) -> HttpResponse:
    own = list_own_workspaces(request)
    slug = request.GET.get("workspace", "")
    found = list_limited_queues([each.id for each in own if slug in ("", each.slug)])
    operated = {each.id for each in own if is_allowed(request, Role.OPERATOR, each.id)}
    shown = found[:MAX_QUEUES]
    return render(
        request,
        "queues",
        queues=shown,
        has_more=len(found) > MAX_QUEUES,
        has_several_workspaces=len(own) > 1,
        changeable={each.pk for each in shown if each.workspace_id in operated},
        objective=read_objective(),
        scaling_url=section_url("scaling"),
        environment=_describe_environment(),
        max_reason=MAX_PAUSE_REASON,
        **form,
    )


def _describe_environment() -> list[Value]:
    return describe_all(_ENVIRONMENT, settings.TASKPLANE)


def _describe_form(request: HttpRequest, queue_id: str, posted: Any = None) -> dict[str, Any]:
    """What the form shows of one queue, as far as the person may change it."""
    if not (queue_id.isascii() and queue_id.isdigit()) or len(queue_id) > 9:
        return {}
    pages = pages_of(QUEUES)
    queue = pages.get_queryset(request).filter(pk=int(queue_id)).first()
    if queue is None or not is_allowed(request, Role.OPERATOR, queue.workspace_id):
        return {}
    form = None
    if pages.has_change_permission(request, queue):
        form = pages.get_form(request, queue)(posted, instance=queue)
    return {"changed": queue, "form": form}


def _post(request: HttpRequest) -> HttpResponse:
    """Change the limits, pause or resume, through the service of the queue's page."""
    described = _describe_form(request, request.POST.get("queue", ""), request.POST)
    if not described:
        raise PermissionDenied("There is no such queue that you may change.")
    queue, form = described["changed"], described["form"]
    if "limits" in request.POST:
        require_verb(request, QUEUES, "change", queue)
        if not form.is_valid():
            return _show(request, described)
        save_limits(request, pages_of(QUEUES).get_row(request, queue.pk), form)
    elif "pause" in request.POST or "resume" in request.POST:
        set_paused(request, queue, paused="pause" in request.POST)
    else:
        messages.error(request, "Choose what to change.")
    kept = {"workspace": request.GET["workspace"]} if request.GET.get("workspace") else {}
    return HttpResponseRedirect(f"{section_url('queues')}{f'?{urlencode(kept)}' if kept else ''}")
