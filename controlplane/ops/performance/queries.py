"""What happened in the span: the marks beside the charts."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import F, Min, Q

from controlplane.core.ids import first_id_of
from controlplane.core.visibletext import isolated_text
from controlplane.ops.performance.span import Span
from controlplane.workspaces.models import AuditEvent
from scaling.models import ScalingEvent
from scaling.queries.pool import POOL
from scaling.sentences import workers
from scaling.states import EventState, Trigger
from workers.models import Node
from workers.queries import VIEW_NODE, list_deployments
from workers.states import NodeState

MAX_MARKS = 20  # of each kind
VIEW_SCALING = "scaling.view_scalingevent"
VIEW_QUEUE = "tasks_app.view_queue"


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that may have changed the figures; `kind` is scaling, pause, lost, release
    or version."""

    at: datetime
    kind: str
    words: str


def list_marks(workspace_id: UUID, span: Span, may: Callable[[str], bool]) -> list[Mark]:
    """What happened in the span, newest first: the number of workers changed or was set by
    hand, a queue of the workspace was paused or resumed, a node was lost, the release of the
    user's code changed, a version of Taskplane ran for the first time. `may`: whether the person
    has a permission of Django; what needs another one is left out."""
    found = [
        *(_scaling(span) if may(VIEW_SCALING) else ()),
        *(_pauses(workspace_id, span) if may(VIEW_QUEUE) else ()),
        *(_losses(span) if may(VIEW_NODE) else ()),
        *_releases(span),
        *_versions(span),
    ]
    return sorted(found, key=lambda mark: mark.at, reverse=True)


def _scaling(span: Span) -> Iterator[Mark]:
    # The index of changes is that of a pool: without one, every decision of the span is looked at.
    changes = ScalingEvent.objects.filter(
        pool_id=POOL, id__gte=first_id_of(span.begin), at__gte=span.begin, at__lt=span.end
    ).exclude(state=EventState.UNCHANGED)
    by_hand = Q(trigger=Trigger.PERSON)
    rows = changes.filter(by_hand | ~Q(from_workers=F("to_workers"))).order_by("-id")
    columns = rows.values_list("at", "from_workers", "to_workers", "trigger")
    for at, before, after, trigger in columns[:MAX_MARKS]:
        change = workers(after) if before == after else f"{before} → {workers(after)}"
        yield Mark(at, "scaling", f"{change} by hand" if trigger == Trigger.PERSON else change)


def _pauses(workspace_id: UUID, span: Span) -> Iterator[Mark]:
    changes = AuditEvent.objects.filter(
        workspace_id=workspace_id,
        id__gte=first_id_of(span.begin),
        action="queue.change",
        created_at__gte=span.begin,
        created_at__lt=span.end,
    )
    rows = changes.order_by("-id").values_list("created_at", "target_id", "detail")
    for at, name, detail in rows[: 5 * MAX_MARKS]:
        was, is_now = (detail.get(each, {}).get("paused") for each in ("before", "after"))
        if was != is_now:
            yield Mark(at, "pause", f"{isolated_text(name)} {'paused' if is_now else 'resumed'}")


def _losses(span: Span) -> Iterator[Mark]:
    lost = Node.objects.filter(
        state=NodeState.LOST, stopped_at__gte=span.begin, stopped_at__lt=span.end
    )
    for at, name in lost.order_by("-stopped_at").values_list("stopped_at", "name")[:MAX_MARKS]:
        if at is not None:
            yield Mark(at, "lost", f"{isolated_text(name)} lost")


def _releases(span: Span) -> Iterator[Mark]:
    for each in list_deployments(span.begin, span.end, MAX_MARKS):
        if each.at < span.end:
            yield Mark(each.at, "release", f"release {isolated_text(each.release)}")


def _versions(span: Span) -> Iterator[Mark]:
    """An upgrade is not recorded; the first node of a version is. Nodes of earlier days may have
    been removed, so the oldest version of all says nothing."""
    firsts = Node.objects.order_by().values("version").annotate(first=Min("started_at"))
    rows = sorted(firsts.values_list("first", "version"))[-MAX_MARKS:]
    for at, version in rows[1:]:
        if span.begin <= at < span.end:
            yield Mark(at, "version", f"Taskplane version {isolated_text(version)}")
