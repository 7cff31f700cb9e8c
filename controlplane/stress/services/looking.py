"""How a test stands: its chunks counted, some at each look, and samples for its course."""

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import F, Sum

from controlplane.stress.facts import histogram_of, read_times
from controlplane.stress.models import StressChunk, StressSample, StressTest
from controlplane.stress.services.submitting import QUEUE
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.states import ActorKind
from dlq.filters import LetterFilter
from dlq.services import act_on_letters
from tasks_app.histograms import merge
from tasks_app.selectors import list_queues
from tasks_app.selectors.ledger import count_states, list_attempts
from tasks_app.selectors.queues import count_lanes
from tasks_app.states import FINAL
from workers.selectors import list_live_nodes
from workers.states import NodeState

_LOOK_SECONDS = 0.4
# Each of at most 500 tasks, found by primary key: a bounded look, whatever the test's size.
_CHUNKS_A_LOOK = 20
_MOST_SAMPLES = 600
LETTER_REASON = "It failed on purpose: a task of a stress test."


def look(test: StressTest, now: datetime, is_enough: Callable[[], bool]) -> bool:
    """Bring the test's counts up to date, which the caller saves; whether there is more to see.

    It looks at chunks until `is_enough`, at one at least, and rests after all it meant to see.
    """
    if not _is_due(test.looked_at, now, _LOOK_SECONDS):
        return False
    before = _counts(test)
    is_cut = _look_at_some(test, now, is_enough)
    sums = test.chunks.aggregate(
        completed=Sum("completed"), failed=Sum("failed"), cancelled=Sum("cancelled")
    )
    test.completed, test.failed, test.cancelled = (
        sums["completed"] or 0,
        sums["failed"] or 0,
        sums["cancelled"] or 0,
    )
    test.waiting, test.running = count_queue(test.workspace_id)
    test.peak_waiting = max(test.peak_waiting, test.waiting)
    test.peak_running = max(test.peak_running, test.running)
    if not is_cut:
        test.looked_at = now
    if before != _counts(test):
        test.moved_at = now
    _sample(test, now)
    return is_cut


def count_queue(workspace_id: UUID) -> tuple[int, int]:
    """How many tasks wait and how many run in the workspace's queue of tests: only its own, as a
    test begins with an empty queue. From partial indexes."""
    lane = list_queues(workspace_id).filter(name=QUEUE).values_list("id", flat=True).first()
    counts = count_lanes([lane]).get(lane) if lane is not None else None
    if counts is None:
        return 0, 0
    waiting = counts.pending + counts.scheduled + counts.retrying + counts.blocked
    return waiting, counts.running


def is_over(test: StressTest) -> bool:
    """Whether none of its tasks is left to wait for."""
    return not test.chunks.filter(is_over=False).exists()


def actor_of(test: StressTest) -> Actor:
    """As whom the dispatcher acts for a test."""
    label = test.stopped_by or test.created_by
    return Actor(kind=ActorKind.SYSTEM.value, id="", label=label, role=None)


def _look_at_some(test: StressTest, now: datetime, is_enough: Callable[[], bool]) -> bool:
    """Look at chunks, the longest unseen first; whether it was cut short."""
    chunks = test.chunks.filter(is_over=False)
    unseen = list(chunks.order_by(F("looked_at").asc(nulls_first=True), "number")[:_CHUNKS_A_LOOK])
    for number, chunk in enumerate(unseen, 1):
        _look_at(test, chunk, now)
        if is_enough():
            return number < len(unseen)
    return False


def _look_at(test: StressTest, chunk: StressChunk, now: datetime) -> None:
    states = count_states(test.workspace_id, chunk.task_ids)
    chunk.completed, chunk.failed, chunk.cancelled = (
        states.get(state, 0) for state in ("COMPLETED", "FAILED", "CANCELLED")
    )
    # A task that is gone is not waited for: the check will say that it is lost.
    chunk.is_over = not any(states.get(state, 0) for state in states if state not in FINAL)
    chunk.looked_at = now
    chunk.save(update_fields=["completed", "failed", "cancelled", "is_over", "looked_at"])
    if chunk.is_over:
        _close(test, chunk)


def _close(test: StressTest, chunk: StressChunk) -> None:
    """Its times into those of the test, and its dead letters out of the way."""
    waits, runs = read_times(list_attempts(test.workspace_id, chunk.task_ids))
    test.waits = merge([histogram_of(test.waits), waits])
    test.runs = merge([histogram_of(test.runs), runs])
    if chunk.failed or chunk.cancelled:
        act_on_letters(
            workspace_id=test.workspace_id,
            action="discard",
            wanted=LetterFilter(task_ids=tuple(chunk.task_ids)),
            actor=actor_of(test),
            reason=LETTER_REASON,
        )


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
    if len(ids) > _MOST_SAMPLES:
        test.samples.filter(id__in=ids[1::2]).delete()
        test.sample_seconds *= 2


def _counts(test: StressTest) -> tuple[int, ...]:
    return (test.submitted, test.completed, test.failed, test.cancelled, test.running)


def _is_due(last: datetime | None, now: datetime, seconds: float) -> bool:
    # A clock that was set back must not silence it.
    return last is None or abs(now - last) >= timedelta(seconds=seconds)
