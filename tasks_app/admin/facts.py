"""The facts about a task: names and values, with a link or a note where there is one."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.http import urlencode

from controlplane.core.formatting import format_count, format_duration, format_percent
from controlplane.core.schema.values import join_values
from controlplane.core.visibletext import visible_text
from controlplane.workspaces.states import ActorKind
from tasks_app.admin.links import type_url
from tasks_app.models import Task
from tasks_app.processors import registry
from tasks_app.processors.registry import Processor, UnknownType
from tasks_app.processors.retry import RetryPolicy
from tasks_app.queries.declarations import TypeView
from tasks_app.states import FINAL, ParentFailure, TaskState
from tasks_app.typewords import find_badge


@dataclass(frozen=True, slots=True)
class Fact:
    """`at` is shown instead of the text; `tags` are texts with links."""

    name: str
    text: str = ""
    url: str = ""
    at: datetime | None = None
    note: str = ""
    tags: tuple[tuple[str, str], ...] = ()
    is_code: bool = False


def describe_facts(task: Task, shown: Mapping[str, Any], declared: TypeView) -> list[Fact]:
    """Those that the task has; what it has not is left out."""
    return [fact for fact in _facts(task, shown, declared) if fact.text or fact.at or fact.tags]


def _facts(task: Task, shown: Mapping[str, Any], declared: TypeView) -> Iterator[Fact]:
    processor = _processor_of(task.type)
    yield from _type(task, declared)
    yield Fact("Id", str(task.id), is_code=True)
    yield Fact("Workspace", task.workspace.slug)
    yield _submitter(task)
    yield Fact("Priority", str(task.priority))
    yield Fact(
        "Tags", tags=tuple((visible_text(t), _list_url(tag=join_values([t]))) for t in task.tags)
    )
    yield from _times(task)
    yield Fact("Waited, ran", _waited_and_ran(shown))
    if task.state == TaskState.RUNNING or 0 < task.progress < 100:
        yield Fact("Progress", f"{task.progress:g} %")
    yield Fact("Timeout", format_duration(task.timeout_ms / 1_000), note=_of_type(task, processor))
    yield _retry(task, processor)
    if task.lost_count:
        yield Fact("Lost with its worker", format_count(task.lost_count, "time"))
    if task.blocked_by:
        yield Fact("Open parents", str(task.blocked_by))
    if shown["dependenciesTotal"]:
        yield Fact("If a parent fails", ParentFailure(task.on_parent_failure).label)
    yield Fact("Idempotency key", visible_text(task.idempotency_key or ""), is_code=True)
    yield Fact("Lease", str(task.lease or ""), is_code=True)


def _submitter(task: Task) -> Fact:
    """A person and a part of the platform by their names, with a link to what they submitted."""
    kind, _, name = (task.submitted_by or "").partition(":")
    return Fact(
        "Submitted by",
        visible_text(name),
        _list_url(submittedBy=join_values([task.submitted_by])) if task.submitted_by else "",
        note="API key" if kind == ActorKind.KEY else "",
    )


def _type(task: Task, declared: TypeView) -> Iterator[Fact]:
    """What the nodes say of its type, with a link to the type's page."""
    badge = find_badge(declared)
    described = declared.descriptor
    words = [visible_text(described.title), badge.words if badge is not None else ""]
    yield Fact(
        "Type", visible_text(task.type), type_url(task.type), note=", ".join(filter(None, words))
    )
    yield Fact("Owner", visible_text(described.owner))
    yield Fact("Runbook", visible_text(described.runbook), described.runbook)


def _times(task: Task) -> Iterator[Fact]:
    yield Fact("Created", at=task.created_at)
    if task.run_at is not None and task.run_at != task.created_at:
        yield Fact("Not before", at=task.run_at)
    yield Fact("Started", at=task.started_at, note="last attempt" if task.attempt > 1 else "")
    if task.cancel_requested_at is not None:
        yield Fact("Asked to stop", at=task.cancel_requested_at)
    if task.state in FINAL:
        yield Fact(TaskState(task.state).label, at=task.finished_at)


def _waited_and_ran(shown: Mapping[str, Any]) -> str:
    parts = []
    if shown["waitMs"] is not None:
        parts.append(format_duration(shown["waitMs"] / 1_000))
    if shown["processingMs"] is not None:
        ran = format_duration(shown["processingMs"] / 1_000)
        parts.append(f"{ran} in attempt {shown['attempt']}" if shown["attempt"] > 1 else ran)
    return ", ".join(parts)


def _of_type(task: Task, processor: Processor | None) -> str:
    if processor is None:
        return "this release does not have its type"
    is_default = task.timeout_ms == int(processor.timeout_seconds * 1_000)
    return "from its type" if is_default else ""


def _retry(task: Task, processor: Processor | None) -> Fact:
    """`3 attempts, exponential from 30 s`."""
    attempts = format_count(task.round_attempts, "attempt")
    if task.round_attempts != task.max_attempts:
        attempts = f"{attempts} a round, up to number {task.max_attempts}"
    policy = processor.retry if processor is not None else None
    if task.retry is not None:
        policy = RetryPolicy.from_json(task.retry)
    elif processor is not None and processor.retry_rule is not None:
        return Fact("Retry policy", f"{attempts}, waits by a rule of its type")
    if policy is None or task.round_attempts == 1:
        return Fact("Retry policy", attempts)
    wait = format_duration(policy.base_ms / 1_000)
    longest = format_duration(policy.max_ms / 1_000)
    note = f"at most {longest}, jitter {format_percent(policy.jitter)}"
    if policy.strategy == "exponential":
        note = f"factor {policy.factor:g}, {note}"
    return Fact("Retry policy", f"{attempts}, {policy.strategy} from {wait}", note=note)


def _processor_of(name: str) -> Processor | None:
    try:
        return registry.get(name)
    except UnknownType:
        return None


def _list_url(**query: str) -> str:
    return f"{reverse('admin:tasks_app_task_changelist')}?{urlencode(query)}"
