"""The line in front of a queue: who comes first, how fast it moves."""

from datetime import timedelta

from django.db.models import Count, Min, Q

from controlplane.core.clock import now as utc_now
from tasks_app.models import Queue, Task, TaskAttempt
from tasks_app.states import TaskState

MAX_COUNTED = 10_000
_HOLDERS_SHOWN = 20
_ENOUGH = 50  # attempts from which a short window says how fast a queue moves
_MAX_ATTEMPTS = 50_000
_WINDOWS_SECONDS = (10, 60, 300)


def get_queue_position(task: Task) -> int:
    """The place of a ready task in its queue, from 1; MAX_COUNTED + 1 means that or later."""
    ready = Task.objects.filter(queue_id=task.queue_id, state=TaskState.PENDING)
    before = ready.filter(Q(priority__gt=task.priority) | Q(priority=task.priority, id__lt=task.id))
    return before.order_by()[:MAX_COUNTED].count() + 1


def recent_rate(queue: Queue) -> float | None:
    """Attempts that this queue ended per second, in the shortest recent window with enough of them,
    from when the first of them started; None when none ended in five minutes."""
    ended = TaskAttempt.objects.filter(queue_id=queue.id).order_by()
    for seconds in _WINDOWS_SECONDS:
        at = utc_now()
        recent = ended.filter(finished_at__gte=at - timedelta(seconds=seconds))
        found = recent.values("started_at")[:_MAX_ATTEMPTS].aggregate(
            count=Count("started_at"), first=Min("started_at")
        )
        count: int = found["count"]
        if count >= _ENOUGH or (count and seconds == _WINDOWS_SECONDS[-1]):
            # A queue that has just begun did not work for the whole window.
            worked: float = max(1.0, (at - found["first"]).total_seconds())
            return count / min(seconds, worked)
    return None


def list_running(queue: Queue) -> tuple[list[Task], int]:
    """The tasks of a queue that have run longest, and how many run."""
    running = Task.objects.filter(queue_id=queue.id, state=TaskState.RUNNING)
    shown = running.order_by("started_at").only("id", "name", "state")[:_HOLDERS_SHOWN]
    return list(shown), running.count()


def seconds_until_token(queue: Queue) -> float:
    """How long until the queue's token bucket has room for one start; 0 when it has now."""
    rate = queue.rate_per_second
    if rate is None:
        return 0.0
    idle = max(0.0, (utc_now() - queue.rate_at).total_seconds())
    tokens = min(max(1.0, rate), queue.rate_tokens + idle * rate)
    return max(0.0, (1.0 - tokens) / rate)
