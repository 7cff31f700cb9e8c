"""The dispatcher's work for stress tests: submit due tasks, count, stop, audit, report.

A pass is short, since the dispatcher has other work.
"""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import ClassVar
from uuid import UUID

from django.conf import settings

from controlplane.core.clock import now as utc_now
from controlplane.ops.stress import transitions
from controlplane.ops.stress.audit import audit_next, find_peaks
from controlplane.ops.stress.checks import AuditCounts
from controlplane.ops.stress.environment import (
    count_stale_writes,
    describe_environment,
    describe_scaling,
)
from controlplane.ops.stress.models import StressTask, StressTest
from controlplane.ops.stress.plan import (
    CANCELLED,
    FAILS,
    Planned,
    PlanPosition,
    count_edges,
    plan_next,
)
from controlplane.ops.stress.progress import describe_stall, is_stalled, update_progress
from controlplane.ops.stress.report import Point, Summary, write_broken_report, write_report
from controlplane.ops.stress.spec import QUEUE, parameters_of, read_parameters, tag_of
from controlplane.ops.stress.states import OPEN, StressState, StressType, Verdict
from controlplane.workspaces.actors import platform_submitter
from tasks_app.batches import (
    MAX_BATCHES,
    BatchDriver,
    IsEnough,
    deadline,
    has_open,
    record_submission,
    submission_room,
)
from tasks_app.processors import RetryPolicy
from tasks_app.services import submit_tasks
from tasks_app.specs import TaskSpec
from tasks_app.states import ParentFailure

_PASS_SECONDS = 0.15
_COUNT_SECONDS = 0.1  # beside the pass of a test that is being submitted
_CHUNK = 500
# The last in its lane, in case the queue holds anything else.
_PRIORITY = -100
_RETRY = RetryPolicy(strategy="fixed", base_ms=100, jitter=0)


class StressDriver(BatchDriver[StressTest]):
    """Advances stress tests from state to state."""

    model = StressTest
    label = "stress test"
    progress_fields: ClassVar = (
        "dependents", "groups", "edges", "completed", "failed", "cancelled", "expected_failed",
        "expected_cancelled", "waiting", "running", "peak_running", "peak_waiting", "waits", "runs",
        "sample_seconds", "audit", "audited_to", "counted_at", "sampled_at", "changed_at",
        "cancelled_at",
    )  # fmt: skip

    def list_due(self) -> list[UUID]:
        tests = StressTest.objects.filter(state__in=sorted(OPEN)).order_by("id")
        return list(tests.values_list("id", flat=True)[:MAX_BATCHES])

    def advance(self, batch: StressTest, now: datetime) -> bool:
        if batch.state not in _STEPS:
            return False
        return _STEPS[batch.state](batch, now, deadline(_PASS_SECONDS))

    def give_up(self, batch_id: UUID, reason: str) -> None:
        """Stop it, and audit its submitted tasks."""
        at = utc_now()
        if transitions.stop(batch_id, ends_as=StressState.FAILED, reason=reason, at=at):
            return
        # It was ending already, and cannot be audited.
        test = StressTest.objects.get(id=batch_id)
        transitions.end(
            batch_id,
            state=StressState.FAILED,
            verdict=Verdict.FAILED,
            report=write_broken_report(parameters_of(test), test.environment, reason),
            at=at,
        )


def _begin(test: StressTest, now: datetime, _is_enough: IsEnough) -> bool:
    transitions.begin(test.id, environment=describe_environment(), at=now)
    test.changed_at = now
    return True


def _submit(test: StressTest, now: datetime, is_enough: IsEnough) -> bool:
    started = time.monotonic()
    while test.submitted < test.tasks and _submit_next(test, now) and not is_enough():
        continue
    took = timedelta(seconds=time.monotonic() - started)
    has_more = update_progress(test, now, deadline(_COUNT_SECONDS))
    if test.submitted >= test.tasks:
        return transitions.settle(test.id, at=now + took)
    return _stop_if_stalled(test, now) or has_more or test.rate_per_second is None


def _settle(test: StressTest, now: datetime, is_enough: IsEnough) -> bool:
    has_more = update_progress(test, now, is_enough)
    if not has_open(test):
        return transitions.check(test.id)
    return _stop_if_stalled(test, now) or has_more


def _stop(test: StressTest, now: datetime, is_enough: IsEnough) -> bool:
    has_more = update_progress(test, now, is_enough)
    # The report lists the tasks that could not be ended in that time.
    if not has_open(test) or is_stalled(test, now):
        return transitions.check(test.id)
    return has_more


def _check(test: StressTest, now: datetime, is_enough: IsEnough) -> bool:
    if not audit_next(test, is_enough):
        return True
    _give_verdict(test, now)
    return False


_STEPS: dict[str, Callable[[StressTest, datetime, IsEnough], bool]] = {
    StressState.PREPARING: _begin,
    StressState.RUNNING: _submit,
    StressState.SETTLING: _settle,
    StressState.STOPPING: _stop,
    StressState.CHECKING: _check,
}


def _submit_next(test: StressTest, now: datetime) -> int:
    """Submit as many tasks as the rate allows, at most one chunk. Returns their number. Raises
    Invalid."""
    limit = min(_CHUNK, settings.TASKPLANE["BULK_MAX"])
    room = submission_room(test, now, limit=limit)
    if room == 0:
        return 0
    position = PlanPosition(test.submitted, test.dependents, test.groups)
    planned = plan_next(read_parameters(test), position, minimum=room, limit=limit)
    ids = submit_tasks(
        workspace_id=test.workspace_id,
        specs=_specs(test, planned),
        submitter=platform_submitter(f"stress test {test.name}"),
    )
    items = [
        StressTask(test=test, task_id=task, number=plan.index, expected=plan.expected)
        for task, plan in zip(ids, planned, strict=True)
    ]
    record_submission(test, items, now)
    test.dependents, test.groups = position.dependents, position.groups
    test.edges += count_edges(planned)
    test.expected_failed += sum(task.expected == FAILS for task in planned)
    test.expected_cancelled += sum(task.expected == CANCELLED for task in planned)
    return len(planned)


def _specs(test: StressTest, planned: Sequence[Planned]) -> list[TaskSpec]:
    named = {parent for task in planned for parent in task.parents}
    named |= {task.index for task in planned if task.parents}
    return [
        TaskSpec(
            type=f"stress-{test.type}",
            name=test.name,
            queue=QUEUE,
            priority=_PRIORITY,
            payload={
                "seed": test.seed,
                "index": task.index,
                "ms": test.duration_ms,
                "failureRate": test.failure_rate,
            },
            ref=str(task.index) if task.index in named else None,
            depends_on=[str(parent) for parent in task.parents],
            on_parent_failure=ParentFailure.RUN if task.runs_anyway else ParentFailure.CANCEL,
            tags=[tag_of(test.id)],
            retry=_RETRY if test.type == StressType.FLAKY else None,
        )
        for task in planned
    ]


def _stop_if_stalled(test: StressTest, now: datetime) -> bool:
    """Give the test up when nothing has changed for too long. Returns whether it was."""
    if not is_stalled(test, now) or (test.waiting == 0 and test.running == 0):
        return False
    test.changed_at = now
    test.read_after = None
    return transitions.stop(test.id, ends_as=StressState.FAILED, reason=describe_stall(test))


def _give_verdict(test: StressTest, now: datetime) -> None:
    counts = AuditCounts(**test.audit or {})
    points = _series(test, counts, now)
    test.peak_running = max((point.running for point in points), default=0)
    begun_at = test.begun_at or now
    report = write_report(
        counts,
        Summary(
            parameters=parameters_of(test),
            environment={k: v for k, v in test.environment.items() if k != "staleWrites"},
            submitted=test.submitted,
            dependents=test.dependents,
            edges=test.edges,
            begun_at=begun_at,
            submitted_at=test.submitted_at,
            ended_at=now,
            peak_running=test.peak_running,
            peak_waiting=test.peak_waiting,
            stale_writes=count_stale_writes(test.environment),
            ends_as=test.ends_as,
            reason=test.stop_reason,
            points=points,
            scaling=describe_scaling(begun_at, now, points),
        ),
    )
    # The counts of the progress may be older than those of the audit.
    test.completed, test.failed, test.cancelled = counts.completed, counts.failed, counts.cancelled
    test.waiting = test.running = 0
    transitions.end(
        test.id,
        state=StressState(test.ends_as),
        verdict=report["verdict"],
        report=report,
        at=now,
    )
    test.samples.all().delete()


def _series(test: StressTest, counts: AuditCounts, now: datetime) -> list[Point]:
    """The samples and the end, each with the maximum number of attempts that ran at once since the
    previous one, since a short peak may fall between two samples."""
    samples = list(test.samples.order_by("at", "id"))
    end = now if counts.last_end is None else datetime.fromtimestamp(counts.last_end, UTC)
    last = max([end, *(sample.at for sample in samples)])
    workers = samples[-1].workers if samples else 0
    ended = counts.completed + counts.failed + counts.cancelled
    peaks = find_peaks(test, [*(sample.at for sample in samples), last])
    return [
        *(
            Point(s.at, s.submitted, s.ended, s.waiting, peak, s.workers)
            for s, peak in zip(samples, peaks, strict=False)
        ),
        Point(last, test.submitted, ended, 0, peaks[-1], workers),
    ]
