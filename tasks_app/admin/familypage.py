"""The page with all parents or children of a task."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import urlencode

from controlplane.core.errors import Invalid
from controlplane.core.ids import parse_uuid_or_none
from controlplane.core.visibletext import visible_text
from tasks_app.admin.taskpage import describe_wait
from tasks_app.admin.trails import trail_of
from tasks_app.models import Task
from tasks_app.queries.family import FamilyPage, list_family
from tasks_app.states import TaskState

_PAGE_SIZE = 50
_MAX_SEARCH = 200
_TITLES = {"parents": "Tasks that it waits for", "children": "Tasks that wait for it"}


def describe_family(request: HttpRequest, task: Task) -> dict[str, Any]:
    """The context of the template."""
    params = request.GET
    side = params.get("side") if params.get("side") in _TITLES else "children"
    search = params.get("q", "").replace("\x00", "").strip()[:_MAX_SEARCH]
    state = params.get("state", "") if params.get("state") in TaskState.values else ""
    error = ""
    try:
        page = list_family(
            task.id,
            side,  # type: ignore[arg-type] # one of the titles
            search=search,
            state=state,
            after=parse_uuid_or_none(params.get("after", "")),
            before=parse_uuid_or_none(params.get("before", "")),
            limit=_PAGE_SIZE,
        )
    except Invalid as refusal:
        page, error = FamilyPage((), False, False, 0), str(refusal)
    kept = {
        "side": side,
        **({"q": search} if search else {}),
        **({"state": state} if state else {}),
    }
    edges = page.edges
    return {
        "title": _TITLES[str(side)],
        "original": task,
        "trail": trail_of(task, _TITLES[str(side)]),
        "name": visible_text(task.name),
        "side": side,
        "search": search,
        "state": state,
        "states": [(each.value, each.label) for each in TaskState],
        "error": error,
        "total": page.total,
        "rows": [
            {
                "id": each.id,
                "status": each.state,
                "name": visible_text(each.name),
                "type": each.type,
                "url": reverse("admin:tasks_app_task_change", args=[each.id]),
                "finished_at": each.finished_at,
                "wait": describe_wait(each.is_satisfied),
            }
            for each in edges
        ],
        "previous_url": _url(kept, before=edges[0].id) if edges and page.has_previous else "",
        "next_url": _url(kept, after=edges[-1].id) if edges and page.has_next else "",
        "clear_url": _url({"side": side}),
    }


def _url(kept: dict[str, Any], **place: Any) -> str:
    return f"?{urlencode({**kept, **place})}"
