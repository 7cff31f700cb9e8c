"""What happened in the span: the marks beside the charts."""

from collections.abc import Callable
from typing import NamedTuple
from uuid import UUID

from django.db.models import F, Min, Q

from controlplane.core.admin.marks import Mark
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

_MAX_READ = 500  # of each kind
VIEW_SCALING = "scaling.view_scalingevent"
VIEW_QUEUE = "tasks_app.view_queue"


class _Read(NamedTuple):
    """What happened of one kind; `is_cut`: there is more of it than was read."""

    marks: list[Mark]
    is_cut: bool = False


class Happened(NamedTuple):
    """What happened, newest first; `cut`: the kinds of which there is more than was read."""

    marks: list[Mark]
    cut: frozenset[str]


def list_marks(workspace_id: UUID, span: Span, may: Callable[[str], bool]) -> Happened:
    """What happened in the span: the number of workers changed or was set by hand, a queue of the
    workspace was paused or resumed, a node was lost, the release of the user's code changed, a
    version of Taskplane ran for the first time. `may`: whether the person has a permission of
    Django; what needs another one is left out."""
    read = {
        "scaling": _scaling(span) if may(VIEW_SCALING) else _Read([]),
        "pause": _pauses(workspace_id, span) if may(VIEW_QUEUE) else _Read([]),
        "lost": _losses(span) if may(VIEW_NODE) else _Read([]),
        "release": _releases(span),
        "version": _versions(span),
    }
    marks = [mark for part in read.values() for mark in part.marks]
    return Happened(
        sorted(marks, key=lambda mark: mark.at, reverse=True),
        frozenset(kind for kind, part in read.items() if part.is_cut),
    )


def _scaling(span: Span) -> _Read:
    # The index of changes is that of a pool: without one, every decision of the span is looked at.
    changes = ScalingEvent.objects.filter(
        pool_id=POOL, id__gte=first_id_of(span.begin), at__gte=span.begin, at__lt=span.end
    ).exclude(state=EventState.UNCHANGED)
    by_hand = Q(trigger=Trigger.PERSON)
    rows = changes.filter(by_hand | ~Q(from_workers=F("to_workers"))).order_by("-id")
    columns = rows.values_list("at", "from_workers", "to_workers", "trigger")
    found = []
    for at, before, after, trigger in columns[: _MAX_READ + 1]:
        change = workers(after) if before == after else f"{before} → {workers(after)}"
        by = " by hand" if trigger == Trigger.PERSON else ""
        found.append(Mark(at, "scaling", f"{change}{by}"))
    return _Read(found[:_MAX_READ], len(found) > _MAX_READ)


def _pauses(workspace_id: UUID, span: Span) -> _Read:
    changes = AuditEvent.objects.filter(
        workspace_id=workspace_id,
        id__gte=first_id_of(span.begin),
        action="queue.change",
        created_at__gte=span.begin,
        created_at__lt=span.end,
    )
    rows = changes.order_by("-id").values_list("created_at", "target_id", "detail")
    read = list(rows[: _MAX_READ + 1])
    found = []
    for at, name, detail in read[:_MAX_READ]:
        was, is_now = (detail.get(each, {}).get("paused") for each in ("before", "after"))
        if was != is_now:
            words = f"{isolated_text(name)} {'paused' if is_now else 'resumed'}"
            found.append(Mark(at, "pause", words))
    return _Read(found, len(read) > _MAX_READ)


def _losses(span: Span) -> _Read:
    lost = Node.objects.filter(
        state=NodeState.LOST, stopped_at__gte=span.begin, stopped_at__lt=span.end
    )
    rows = lost.order_by("-stopped_at").values_list("stopped_at", "name")[: _MAX_READ + 1]
    found = [Mark(at, "lost", f"{isolated_text(name)} lost") for at, name in rows if at is not None]
    return _Read(found[:_MAX_READ], len(found) > _MAX_READ)


def _releases(span: Span) -> _Read:
    return _Read(
        [
            Mark(each.at, "release", f"release {isolated_text(each.release)}")
            for each in list_deployments(span.begin, span.end, _MAX_READ)
            if each.at < span.end
        ]
    )


def _versions(span: Span) -> _Read:
    """An upgrade is not recorded; the first node of a version is. Nodes of earlier days may have
    been removed, so the oldest version of all says nothing."""
    firsts = Node.objects.order_by().values("version").annotate(first=Min("started_at"))
    rows = sorted(firsts.values_list("first", "version"))[-_MAX_READ:]
    return _Read(
        [
            Mark(at, "version", f"Taskplane version {isolated_text(version)}")
            for at, version in rows[1:]
            if span.begin <= at < span.end
        ]
    )
