"""Why a task is not running, in one sentence and as data."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from controlplane.core.clock import now as utc_now
from controlplane.core.clock import utc_z
from tasks_app.models import Queue, Task
from tasks_app.queries.engine_health import (
    DISPATCHER,
    has_worker,
    unresponsive_after,
    view_leader,
)
from tasks_app.queries.queues import (
    MAX_POSITION,
    get_queue_position,
    list_running,
    recent_rate,
    seconds_until_token,
)
from tasks_app.queries.tasks import describe_parents, get_task
from tasks_app.states import TaskState
from workers.queries import list_live_nodes


class Reason(StrEnum):
    """The reason why a task is not running."""

    QUEUE_PAUSED = "QUEUE_PAUSED"
    NO_WORKER = "NO_WORKER"
    MAX_RUNNING = "MAX_RUNNING"
    RATE_LIMITED = "RATE_LIMITED"
    QUEUED = "QUEUED"
    NOT_DUE = "NOT_DUE"
    BACKING_OFF = "BACKING_OFF"
    DISPATCHER_DOWN = "DISPATCHER_DOWN"
    DEPENDENCIES = "DEPENDENCIES"
    RUNNING = "RUNNING"
    CANCEL_REQUESTED = "CANCEL_REQUESTED"
    WORKER_UNRESPONSIVE = "WORKER_UNRESPONSIVE"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


@dataclass(frozen=True, slots=True)
class Blocker:
    """The obstacle: `kind` is task, queue, workers or dispatcher."""

    kind: str
    name: str
    status: str
    id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """`position` counts from 1 and stops at MAX_POSITION; times are estimates."""

    reason: Reason
    detail: str
    blocked_by: list[Blocker] = field(default_factory=list)
    until: datetime | None = None
    position: int | None = None
    forecast_start: datetime | None = None


def explain_task(workspace_id: UUID, task_id: UUID) -> Explanation:
    """Why this task is not running, or what it does instead of waiting. Raises NotFound."""
    task = get_task(workspace_id, task_id)
    match task.state:
        case TaskState.BLOCKED:
            return _explain_blocked(task)
        case TaskState.SCHEDULED | TaskState.RETRYING:
            return _explain_not_due(task)
        case TaskState.PENDING:
            return _explain_pending(task)
        case TaskState.RUNNING:
            return _explain_running(task)
    return _explain_ended(task)


def _explain_blocked(task: Task) -> Explanation:
    parents, total = describe_parents(task.id)
    if not parents:
        return Explanation(
            Reason.DEPENDENCIES,
            "It waits for a task that has been removed: cancel it, or submit it again.",
        )
    names = ", ".join(f"{p.name} ({p.id}) is {p.status}" for p in parents[:3])
    more = f", and {total - 3} more" if total > 3 else ""
    noun = "1 task" if total == 1 else f"{total} tasks"
    detail = f"It waits for {noun} to complete: {names}{more}."
    broken = next((p for p in parents if p.status in ("FAILED", "CANCELLED")), None)
    if broken is not None:
        detail += f" {broken.name} has ended as {broken.status}: retry it first."
    if task.run_at is not None and task.run_at > utc_now():
        detail += f" It also does not run before {utc_z(task.run_at)}."
    blockers = [Blocker("task", p.name, p.status, p.id) for p in parents]
    return Explanation(Reason.DEPENDENCIES, detail, blockers, until=task.run_at)


def _explain_not_due(task: Task) -> Explanation:
    due = task.run_at or utc_now()
    is_retry = task.state == TaskState.RETRYING
    if _has_no_leader():
        what = "has been due since" if due <= utc_now() else "is due at"
        return Explanation(
            Reason.DISPATCHER_DOWN,
            f"It {what} {utc_z(due)}, but no dispatcher runs to make it ready: start one with "
            "`python manage.py dispatch`.",
            [Blocker("dispatcher", DISPATCHER, "DOWN")],
            until=due,
        )
    if due <= utc_now():
        detail = f"It has been due since {utc_z(due)}; the dispatcher makes it ready in a moment."
    elif is_retry:
        detail = (
            f"Attempt {task.attempt} of {task.max_attempts} failed; the next one is due at "
            f"{utc_z(due)}."
        )
    else:
        detail = f"It does not run before {utc_z(due)}."
    found = Explanation(
        Reason.BACKING_OFF if is_retry else Reason.NOT_DUE, detail, until=due, forecast_start=due
    )
    obstacle = _obstacle(Queue.objects.get(id=task.queue_id))
    if obstacle is not None:
        found = replace(
            found,
            detail=f"{detail} After that: {obstacle.detail}",
            blocked_by=obstacle.blocked_by,
            forecast_start=None,
        )
    return found


def _explain_pending(task: Task) -> Explanation:
    queue = Queue.objects.get(id=task.queue_id)
    position = get_queue_position(task)
    rate = recent_rate(queue)
    start = None if rate is None else utc_now() + timedelta(seconds=(position - 1) / rate)
    found = _obstacle(queue)
    if found is not None:
        return replace(found, position=position)
    found = _full_lane(queue)
    if found is not None:
        return replace(found, position=position, forecast_start=start)
    found = _empty_bucket(queue)
    if found is not None and found.until is not None and queue.rate_per_second:
        wait = timedelta(seconds=(position - 1) / queue.rate_per_second)
        return replace(found, position=position, forecast_start=found.until + wait)
    ahead = position - 1
    if ahead == 0:
        detail = f"It is the next of queue {queue.name}, and starts when a slot is free."
    else:
        count = f"at least {ahead}" if position > MAX_POSITION else str(ahead)
        tasks = "task" if ahead == 1 else "tasks"
        come = "comes" if ahead == 1 else "come"
        detail = f"It is ready; {count} {tasks} of queue {queue.name} {come} first."
    return Explanation(Reason.QUEUED, detail, position=position, forecast_start=start)


def _obstacle(queue: Queue) -> Explanation | None:
    """The reason why no task of the queue starts."""
    if queue.paused_at is not None:
        who = f" by {queue.paused_by}" if queue.paused_by else ""
        why = f" ({queue.pause_reason})" if queue.pause_reason else ""
        return Explanation(
            Reason.QUEUE_PAUSED,
            f"Queue {queue.name} was paused{who} at {utc_z(queue.paused_at)}{why}; it "
            "continues when the queue is resumed.",
            [Blocker("queue", queue.name, "PAUSED")],
        )
    if not has_worker(queue.name):
        return Explanation(
            Reason.NO_WORKER,
            f"No live worker takes work of queue {queue.name}: start one with "
            "`python manage.py worker`.",
            [Blocker("workers", queue.name, "NONE")],
        )
    return None


def _full_lane(queue: Queue) -> Explanation | None:
    if queue.max_running is None:
        return None
    running, total = list_running(queue)
    if total < queue.max_running:
        return None
    blockers = [Blocker("task", task.name, task.state, task.id) for task in running]
    return Explanation(
        Reason.MAX_RUNNING,
        f"Queue {queue.name} may run {queue.max_running} at once, and {total} are running.",
        blockers,
    )


def _empty_bucket(queue: Queue) -> Explanation | None:
    if queue.rate_per_second is None:
        return None
    wait = seconds_until_token(queue)
    if wait <= 0:
        return None
    until = utc_now() + timedelta(seconds=wait)
    return Explanation(
        Reason.RATE_LIMITED,
        f"Queue {queue.name} may start {queue.rate_per_second:g} tasks a second; the next start "
        f"is free at {utc_z(until)}.",
        [Blocker("queue", queue.name, "RATE_LIMITED")],
        until=until,
    )


def _explain_running(task: Task) -> Explanation:
    node = list_live_nodes().filter(id=task.node_id or 0).first()
    since = f" since {utc_z(task.started_at)}" if task.started_at else ""
    if node is None or node.heartbeat_at < utc_now() - unresponsive_after():
        name = node.name if node else "its worker"
        return Explanation(
            Reason.WORKER_UNRESPONSIVE,
            f"It is leased to {name}, which no longer sends heartbeats; the dispatcher gives it to "
            "another worker when the lease has expired.",
            [Blocker("workers", name, "UNRESPONSIVE")],
        )
    if task.cancel_requested_at is not None:
        return Explanation(
            Reason.CANCEL_REQUESTED,
            f"It runs on {node.name}{since} and was asked to stop at "
            f"{utc_z(task.cancel_requested_at)}.",
        )
    return Explanation(
        Reason.RUNNING,
        f"It runs on {node.name}{since}: attempt {task.attempt} of {task.max_attempts}, "
        f"{task.progress:g} % done.",
    )


def _explain_ended(task: Task) -> Explanation:
    at = utc_z(task.finished_at) if task.finished_at else ""
    message = str((task.error or {}).get("message", ""))[:200]
    match task.state:
        case TaskState.COMPLETED:
            detail = f"It completed at {at}, in attempt {task.attempt}."
        case TaskState.FAILED:
            attempts = "1 attempt" if task.attempt == 1 else f"{task.attempt} attempts"
            detail = f"It failed for good at {at}, after {attempts}: {message}"
        case _:
            detail = f"It was cancelled at {at}." + (f" {message}" if message else "")
    return Explanation(Reason(task.state), detail)


def _has_no_leader() -> bool:
    return not view_leader(DISPATCHER).leads
