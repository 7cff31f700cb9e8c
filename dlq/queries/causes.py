"""What changed before a group's first death, or before the death that reopened it: facts from the
records, never a guess. Each source is read within a day before, and bounded."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Min

from controlplane.core.ids import first_id_of
from controlplane.core.visibletext import isolated_text
from controlplane.ops.schedules.models import Schedule
from controlplane.workspaces.models import AuditEvent
from dlq.models import DeadLetter, LetterGroup
from workers.models import Node
from workers.queries import list_deployments
from workflows.models import WorkflowRun, WorkflowVersion

LOOKED_BACK = timedelta(days=1)
MAX_CAUSES = 10
_MAX_SCHEDULES = 100
_ACTIONS = ("queue.change", "scaling.configure", "scaling.scale", "scaling.release")


@dataclass(frozen=True, slots=True)
class Cause:
    """One change: `kind` is release, version, workflow, schedule, queue or scaling. `page` and
    `key` are the object's page in the admin: `app_model` and the id; empty without one."""

    at: datetime
    kind: str
    subject: str
    change: str
    by: str = ""
    page: str = ""
    key: str = ""


def list_causes(group: LetterGroup) -> list[Cause]:
    """The newest MAX_CAUSES changes before the group began, or began again, newest first."""
    first = DeadLetter.objects.filter(id=group.id, workspace_id=group.workspace_id)
    letter = first.only("queue", "workflow_run_id", "type").first()
    end = group.began_at
    found = [
        *_new_releases(end),
        *_new_versions(end),
        *(_workflow_versions(letter, end) if letter is not None else ()),
        *_audited(group, letter, end),
    ]
    return sorted(found, key=lambda cause: cause.at, reverse=True)[:MAX_CAUSES]


def _new_releases(end: datetime) -> Iterator[Cause]:
    """Changes of the release of the user's code."""
    for each in list_deployments(end - LOOKED_BACK, end, MAX_CAUSES):
        yield Cause(
            each.at,
            "release",
            f"Release {isolated_text(each.release)}",
            f"began on {isolated_text(each.node)}",
            page="workers_node",
            key=str(each.node_id),
        )


def _new_versions(end: datetime) -> Iterator[Cause]:
    """Versions of Taskplane of which no node had begun before the day."""
    begin = end - LOOKED_BACK
    nodes = Node.objects.filter(started_at__gte=begin, started_at__lte=end)
    firsts = nodes.order_by().values_list("version").annotate(at=Min("started_at"))
    for version, at in firsts.order_by("-at")[:MAX_CAUSES]:
        if Node.objects.filter(version=version, started_at__lt=begin).exists():
            continue
        first = nodes.filter(version=version, started_at=at).order_by("id").first()
        if first is None or not Node.objects.filter(started_at__lt=at).exists():
            continue  # the first node of all is no change
        yield Cause(
            at,
            "version",
            f"Taskplane {isolated_text(version)}",
            f"began on {isolated_text(first.name)}",
            page="workers_node",
            key=str(first.pk),
        )


def _workflow_versions(letter: DeadLetter, end: datetime) -> Iterator[Cause]:
    """New versions of the workflow of which the task was a step."""
    if letter.workflow_run_id is None:
        return
    run = WorkflowRun.objects.filter(id=letter.workflow_run_id).select_related("workflow").first()
    if run is None:
        return
    versions = WorkflowVersion.objects.filter(
        workflow_id=run.workflow_id, created_at__gte=end - LOOKED_BACK, created_at__lte=end
    )
    for version in versions.order_by("-id")[:MAX_CAUSES]:
        yield Cause(
            version.created_at,
            "workflow",
            f"Workflow {run.workflow.name}",
            f"version {version.version}",
            by=version.created_by,
            page="workflows_workflow",
            key=str(run.workflow_id),
        )


def _audited(group: LetterGroup, letter: DeadLetter | None, end: datetime) -> Iterator[Cause]:
    """Changes of the queue, of scaling, and of schedules that start the type."""
    queue = "" if letter is None else letter.queue
    schedules = Schedule.objects.filter(workspace_id=group.workspace_id, task_type=group.type)
    names = {str(pk): name for pk, name in schedules.values_list("id", "name")[:_MAX_SCHEDULES]}
    events = AuditEvent.objects.filter(
        workspace_id=group.workspace_id,
        id__gte=first_id_of(end - LOOKED_BACK),
        created_at__lte=end,
    )
    of_queue = events.filter(target_type="queue", target_id=queue, action="queue.change")
    of_pools = events.filter(target_type="pool", action__in=_ACTIONS)
    of_schedules = events.filter(target_type="schedule", target_id__in=list(names))
    for event in of_queue.order_by("-id")[:MAX_CAUSES]:
        yield _cause(event, "queue", f"Queue {queue}", _queue_change(event.detail))
    for event in of_pools.order_by("-id")[:MAX_CAUSES]:
        yield _cause(event, "scaling", f"Scaling of {event.target_id}", _words(event.action))
    for event in of_schedules.order_by("-id")[:MAX_CAUSES]:
        subject = f"Schedule {names[event.target_id]}"
        yield _cause(event, "schedule", subject, _words(event.action))


def _cause(event: AuditEvent, kind: str, subject: str, change: str) -> Cause:
    return Cause(
        event.created_at,
        kind,
        subject,
        change,
        by=event.actor_label,
        page="workspaces_auditevent",
        key=str(event.id),
    )


def _queue_change(detail: Any) -> str:
    """What differs between before and after."""
    before, after = (detail.get(name) or {} for name in ("before", "after"))
    changed = [
        f"{name}: {_plain(before.get(name))} → {_plain(value)}"
        for name, value in after.items()
        if before.get(name) != value
    ]
    return ", ".join(changed) or "changed"


def _plain(value: Any) -> str:
    return {None: "none", True: "yes", False: "no"}.get(value, str(value))


def _words(action: str) -> str:
    """`scaling.configure` as `configure`."""
    return action.rpartition(".")[2].replace("_", " ")
