"""When a test in which nothing moves is given up, and why."""

from uuid import UUID

from django.conf import settings

from controlplane.stress.models import StressTest
from controlplane.stress.services.submitting import QUEUE
from tasks_app.selectors import has_worker, list_queues


def patience(test: StressTest) -> float:
    """Seconds without a change after which a test is given up; longer than its tasks take."""
    quiet: float = settings.TASKPLANE_STRESS["QUIET_SECONDS"]
    return max(quiet, 3 * test.duration_ms / 1_000)


def why_quiet(workspace_id: UUID, seconds: float) -> str:
    """A sentence on why nothing moves."""
    queue = list_queues(workspace_id).filter(name=QUEUE).first()
    since = f"Nothing has moved for {seconds:g} s: "
    if queue is not None and queue.paused_at is not None:
        return f"{since}the queue {QUEUE} is paused. Resume it, and start the test again."
    if not has_worker(QUEUE):
        return (
            f"{since}no live worker serves the queue {QUEUE}. Start one, such as "
            f"`manage.py worker --queues {QUEUE}`, and start the test again."
        )
    return f"{since}workers serve the queue {QUEUE}, and none of its tasks ends or starts."
