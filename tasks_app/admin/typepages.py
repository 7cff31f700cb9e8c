"""What the pages of task types show."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import urlencode

from controlplane.core.formatting import format_count
from controlplane.core.schema.values import join_values
from tasks_app.admin.jsontext import show_value
from tasks_app.admin.links import tasks_url, type_url
from tasks_app.models import Queue
from tasks_app.processors import registry
from tasks_app.processors.declarations import declare, digest_of
from tasks_app.queries.counts import TaskCounts, count_tasks
from tasks_app.queries.declarations import Catalogue, TypeView, read_catalogue
from tasks_app.typeuses import TypeUse, find_uses
from tasks_app.typewords import (
    Badge,
    TypeState,
    describe_retry,
    find_badge,
    list_differences,
)

MAX_TYPES = 1_000
MAX_USES_SHOWN = 50


@dataclass(frozen=True, slots=True)
class Line:
    """A type in the list. `tasks`: of the person's workspaces, whatever their state."""

    view: TypeView
    tasks: int
    badge: Badge | None
    uses: int

    @property
    def url(self) -> str:
        return type_url(self.view.name)

    @property
    def tasks_url(self) -> str:
        return tasks_url(type=join_values([self.view.name]))


def find_lines(workspaces: Sequence[UUID], every: bool, search: str) -> tuple[list[Line], str]:
    """What is declared, and what is named and not declared, with a sentence about all of it; what
    needs a look first. `every`: the person sees all workspaces. A fixed number of statements."""
    catalogue = read_catalogue()
    counts = count_tasks(*workspaces).types
    uses = Counter(use.type for use in find_uses(None if every else workspaces))
    names = {*catalogue.names, *catalogue.gone, *counts, *uses}
    lines = [
        Line(view, counts.get(name, 0), _badge(view, counts, uses), uses[name])
        for name in sorted(names)
        if _is_shown(view := catalogue.get(name), counts, uses) and _matches(view, search)
    ]
    lines.sort(key=lambda line: (line.badge is None, line.view.name))
    return lines, _describe(catalogue, sum(line.badge is not None for line in lines))


def _badge(view: TypeView, counts: dict[str, int], uses: Counter[str]) -> Badge | None:
    """What only this app's code declares and nothing names is no reason to look."""
    badge = find_badge(view)
    is_named = view.name in counts or view.name in uses
    if badge is not None and badge.state == TypeState.UNKNOWN and not is_named:
        return None
    return badge


def _is_shown(view: TypeView, counts: dict[str, int], uses: Counter[str]) -> bool:
    """Bookkeeping of the platform is left out."""
    return view.name in counts or view.name in uses or not (view.shown and view.shown.is_internal)


def _matches(view: TypeView, search: str) -> bool:
    descriptor = view.descriptor
    texts = (view.name, descriptor.title, descriptor.owner)
    return not search or any(search.lower() in text.lower() for text in texts)


def _describe(catalogue: Catalogue, wrong: int) -> str:
    if not catalogue.nodes:
        return "No node is alive: this is what the last ones declared."
    nodes = format_count(len(catalogue.nodes), "live node")
    if wrong:
        return f"{format_count(wrong, 'type needs', 'types need')} a look; {nodes}."
    return f"{nodes.capitalize()} and nothing to say against their declarations."


def describe_type(request: HttpRequest, name: str, workspaces: Sequence[UUID], every: bool) -> Any:
    """The context of the page of one type; None if nothing is known of it."""
    catalogue = read_catalogue()
    view = catalogue.get(name)
    counts = count_tasks(*workspaces, with_internal=True)
    uses = [use for use in find_uses(None if every else workspaces) if use.type == name]
    if view.shown is None and not uses and name not in counts.types:
        return None
    badge = find_badge(view)
    shown = view.shown
    return {
        "name": name,
        "view": view,
        "badge": badge,
        "differences": list_differences(view.variants),
        "app_differs": _differs_from_app(view),
        "retry": describe_retry(shown) if shown is not None else "",
        "schema": show_value(dict(shown.payload_schema)) if shown is not None else None,
        "queues": _queues(counts, name),
        "tasks": counts.types.get(name, 0),
        "tasks_url": tasks_url(type=join_values([name])),
        "failed_url": tasks_url(type=join_values([name]), status="FAILED"),
        "submit_url": f"{reverse('admin:tasks_app_task_submit')}?{urlencode({'type': name})}",
        "uses": [(use, _use_url(request, use)) for use in uses[:MAX_USES_SHOWN]],
        "more_uses": max(0, len(uses) - MAX_USES_SHOWN),
        "inbox_url": f"{reverse('admin:dlq_lettergroup_changelist')}?{urlencode({'type': name})}",
    }


def _differs_from_app(view: TypeView) -> bool:
    """Whether the code of this app, which checks payloads, is not what the newest node has."""
    own = registry.find(view.name)
    if own is None or not view.variants:
        return False
    return digest_of(declare(own)) != view.variants[0].digest


def _queues(counts: TaskCounts, name: str) -> list[tuple[Queue, int, str]]:
    """The queues that have tasks of the type, the fullest first."""
    held = {queue: types[name] for queue, types in counts.by_type.items() if types.get(name)}
    rows = Queue.objects.filter(id__in=held).select_related("workspace")[:MAX_USES_SHOWN]
    found = [
        (queue, held[queue.id], reverse("admin:tasks_app_queue_change", args=[queue.pk]))
        for queue in rows
    ]
    return sorted(found, key=lambda each: (-each[1], each[0].name))


def _use_url(request: HttpRequest, use: TypeUse) -> str:
    """The page of what names the type, for those who may open it."""
    app, _, model = use.model.partition("_")
    user: Any = request.user
    if not user.has_perm(f"{app}.view_{model}"):
        return ""
    return reverse(f"admin:{use.model}_change", args=[use.key])
