"""A test's next tasks: planned, submitted, and kept as a chunk, in the open transaction."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.conf import settings

from controlplane.stress.models import StressChunk, StressTest
from controlplane.stress.planning import (
    CANCELLED,
    FAILS,
    Planned,
    Progress,
    Wanted,
    count_edges,
    plan_next,
)
from controlplane.stress.states import StressType
from tasks_app.pacing import spend, tokens
from tasks_app.processors import RetryPolicy
from tasks_app.services import submit_tasks
from tasks_app.specs import TaskSpec
from tasks_app.states import ParentFailure

QUEUE = "stress"
# The last in its lane, in case the queue holds anything else.
_PRIORITY = -100
_CHUNK = 500
_RETRY = RetryPolicy(strategy="fixed", base_ms=100, jitter=0)


def tag_of(test_id: UUID) -> str:
    """The tag of a test's tasks: the random end of its id."""
    return f"stress:{str(test_id)[-12:]}"


def submit_next(test: StressTest, now: datetime) -> int:
    """Submit as many tasks as the rate allows, at most one chunk; how many. Moves the test's
    counters on, which the caller saves. Raises Invalid."""
    most = min(_CHUNK, settings.TASKPLANE["BULK_MAX"])
    want = min(most, tokens(test, now))
    if want <= 0:
        return 0
    progress = Progress(test.submitted, test.dependents, test.families)
    planned = plan_next(_wanted(test), progress, want=want, most=most)
    ids = submit_tasks(workspace_id=test.workspace_id, specs=_specs(test, planned))
    StressChunk.objects.create(
        test=test,
        number=test.chunks.count(),
        task_ids=ids,
        fates="".join(task.fate for task in planned),
        edges=count_edges(planned),
    )
    test.submitted, test.dependents, test.families = (
        progress.tasks,
        progress.dependents,
        progress.families,
    )
    test.expected_failed += sum(task.fate == FAILS for task in planned)
    test.expected_cancelled += sum(task.fate == CANCELLED for task in planned)
    test.last_submit_at = spend(test, len(planned), now)
    return len(planned)


def _wanted(test: StressTest) -> Wanted:
    return Wanted(
        tasks=test.tasks,
        type=test.type,
        failure_rate=test.failure_rate,
        dependent_share=test.dependent_share,
        shape=test.shape,
        seed=test.seed,
    )


def _specs(test: StressTest, planned: Sequence[Planned]) -> list[TaskSpec]:
    named = {parent for task in planned for parent in task.parents}
    named |= {task.index for task in planned if task.parents}
    tag = tag_of(test.id)
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
            tags=[tag],
            retry=_RETRY if test.type == StressType.FLAKY else None,
        )
        for task in planned
    ]
