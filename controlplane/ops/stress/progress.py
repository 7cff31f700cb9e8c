"""The progress of a test: its counts of outcomes, the samples of its series, and stalls."""

from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import connection

from controlplane.core.runtime.histograms import merge
from controlplane.core.sql import load_sql
from controlplane.ops.stress.models import StressSample, StressTest
from controlplane.ops.stress.report import read_histogram
from controlplane.ops.stress.spec import QUEUE
from controlplane.ops.stress.states import StressState
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.states import ActorKind
from dlq.discard import discard_letters
from dlq.queries import list_open_letters
from tasks_app.batches import IsEnough, Outcomes, read_outcomes
from tasks_app.queries import has_worker, list_queues
from tasks_app.queries.counts import count_lanes
from tasks_app.services import cancel_tasks
from workers.queries import list_live_nodes
from workers.states import NodeState

_COUNT_SECONDS = 0.4
_ITEMS_A_READ = 2_000
_ITEMS_A_COUNT = 10_000
_MAX_SAMPLES = 600
# A task that was handed back while it was to be cancelled is cancelled again.
_CANCEL_AGAIN_SECONDS = 5.0
LETTER_REASON = "It failed on purpose: a task of a stress test."


def update_progress(test: StressTest, now: datetime, is_enough: IsEnough) -> bool:
    """Update the test's counts, which the caller saves. Returns whether there is more to read. It
    reads open tasks until `is_enough`, at least once, and pauses when it has read them all. If the
    test is stopping, it cancels them, and later again those that are still open.
    """
    if not _is_due(test.counted_at, now, _COUNT_SECONDS):
        return False
    before = _counts(test)
    has_more = _read_some(test, now, is_enough)
    test.waiting, test.running = count_queue(test.workspace_id)
    test.peak_waiting = max(test.peak_waiting, test.waiting)
    test.peak_running = max(test.peak_running, test.running)
    if not has_more:
        test.counted_at = now
    if before != _counts(test):
        test.changed_at = now
    _sample(test, now)
    return has_more


def count_queue(workspace_id: UUID) -> tuple[int, int]:
    """The numbers of waiting and running tasks in the workspace's queue of tests. All belong to
    this test, since a test begins with an empty queue. Uses partial indexes."""
    lane = list_queues(workspace_id).filter(name=QUEUE).values_list("id", flat=True).first()
    counts = count_lanes([lane]).get(lane) if lane is not None else None
    if counts is None:
        return 0, 0
    waiting = counts.pending + counts.scheduled + counts.retrying + counts.blocked
    return waiting, counts.running


def actor_of(test: StressTest) -> Actor:
    """The actor of the dispatcher for a test."""
    label = test.stopped_by or test.created_by
    return Actor(kind=ActorKind.SYSTEM.value, id="", label=label, role=None)


def max_stall_seconds(test: StressTest) -> float:
    """Seconds without a change after which a test is given up; longer than its tasks take."""
    seconds: float = settings.TASKPLANE_STRESS["QUIET_SECONDS"]
    return max(seconds, 3 * test.duration_ms / 1_000)


def is_stalled(test: StressTest, now: datetime) -> bool:
    return now - (test.changed_at or now) > timedelta(seconds=max_stall_seconds(test))


def describe_stall(test: StressTest) -> str:
    queue = list_queues(test.workspace_id).filter(name=QUEUE).first()
    since = f"Nothing has changed for {max_stall_seconds(test):g} s: "
    if queue is not None and queue.paused_at is not None:
        return f"{since}the queue {QUEUE} is paused. Resume it, and start the test again."
    if not has_worker(QUEUE):
        return (
            f"{since}no live worker serves the queue {QUEUE}. Start one, such as "
            f"`manage.py worker --queues {QUEUE}`, and start the test again."
        )
    return f"{since}workers serve the queue {QUEUE}, and none of its tasks ends or starts."


def _read_some(test: StressTest, now: datetime, is_enough: IsEnough) -> bool:
    """Read the outcomes of open tasks. Returns whether it stopped before the end."""
    must_cancel = test.state == StressState.STOPPING and _is_due(
        test.cancelled_at, now, _CANCEL_AGAIN_SECONDS
    )
    for _ in range(_ITEMS_A_COUNT // _ITEMS_A_READ):
        outcomes = read_outcomes(test, limit=_ITEMS_A_READ)
        _count(test, outcomes)
        if must_cancel and outcomes.open:
            cancel_tasks(workspace_id=test.workspace_id, ids=outcomes.open, actor=actor_of(test))
        if outcomes.is_round:
            test.cancelled_at = now if must_cancel else test.cancelled_at
            return False
        if is_enough():
            return True
    return False


def _count(test: StressTest, outcomes: Outcomes) -> None:
    """Record the ended tasks: counts and times; discards their dead letters. A deleted task is not
    waited for: the audit reports it as lost."""
    test.completed += outcomes.count("COMPLETED")
    test.failed += outcomes.count("FAILED")
    test.cancelled += outcomes.count("CANCELLED")
    ended = [task for tasks in outcomes.ended.values() for task in tasks]
    if ended:
        _add_times(test, ended)
    broken = [task for name in ("FAILED", "CANCELLED") for task in outcomes.ended.get(name, ())]
    letters = list_open_letters(test.workspace_id, broken)
    if letters:
        discard_letters(
            workspace_id=test.workspace_id, ids=letters, reason=LETTER_REASON, actor=actor_of(test)
        )


def _add_times(test: StressTest, tasks: list[UUID]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            load_sql("controlplane.ops.stress", "count_times"),
            {"workspace": test.workspace_id, "tasks": tasks},
        )
        rows = cursor.fetchall()
    waits = {bucket: count for kind, bucket, count in rows if kind == "wait"}
    runs = {bucket: count for kind, bucket, count in rows if kind == "run"}
    test.waits = merge([read_histogram(test.waits), waits])
    test.runs = merge([read_histogram(test.runs), runs])


def _sample(test: StressTest, now: datetime) -> None:
    if not _is_due(test.sampled_at, now, test.sample_seconds):
        return
    StressSample.objects.create(
        test=test,
        at=now,
        submitted=test.submitted,
        ended=test.completed + test.failed + test.cancelled,
        waiting=test.waiting,
        running=test.running,
        workers=list_live_nodes().filter(state=NodeState.ACTIVE).count(),
    )
    test.sampled_at = now
    ids = list(test.samples.values_list("id", flat=True))
    if len(ids) > _MAX_SAMPLES:
        test.samples.filter(id__in=ids[1::2]).delete()
        test.sample_seconds *= 2


def _counts(test: StressTest) -> tuple[int, ...]:
    return (test.submitted, test.completed, test.failed, test.cancelled, test.running)


def _is_due(last: datetime | None, now: datetime, seconds: float) -> bool:
    # A clock that was set back must not stop it.
    return last is None or abs(now - last) >= timedelta(seconds=seconds)
