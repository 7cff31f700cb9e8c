"""Stress tests in requests and responses. The parameters are in `spec`."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from controlplane.core.schema import Resource, itself, shown
from controlplane.core.schema.fields import Text
from controlplane.core.schema.filters import condition
from controlplane.core.schema.values import COMMA, Choices, Ids
from controlplane.ops.stress.queries import describe_test
from controlplane.ops.stress.spec import QUEUE, StressParameters, StressTestSpec, tag_of
from controlplane.ops.stress.states import FigureChange, StressState, Verdict
from tasks_app.schema.fields import IdempotencyKey


class StressTestIn(StressTestSpec):
    """A stress test to start on the queue `stress`."""

    confirm: Annotated[str, Text(200, minimum=0)] = Field(
        "", description=f"In production: the workspace's slug, or `{QUEUE}`."
    )
    idempotency_key: IdempotencyKey | None = None

    @property
    def spec(self) -> StressTestSpec:
        """The test without the fields of the call."""
        return StressTestSpec.model_construct(
            **{name: getattr(self, name) for name in StressTestSpec.model_fields}
        )


@dataclass(frozen=True, slots=True)
class StressFilter:
    """Which tests a list shows."""

    states: tuple[str, ...] = condition("status", Choices(choices=tuple(StressState.values)), COMMA)


@dataclass(frozen=True, slots=True)
class CompareQuery:
    """The test to compare with."""

    others: tuple[UUID, ...] = condition(
        "with", Ids(1), "The id of the other test.", is_required=True
    )


class StressTimes(Resource):
    """Percentiles in milliseconds; null before the first."""

    p50: float | None
    p95: float | None
    p99: float | None


class StressEnds(Resource):
    """Number of tasks by outcome."""

    completed: int
    failed: int
    cancelled: int


class StressProgress(Resource):
    """The progress of a test."""

    submitted: int = shown(source="test.submitted")
    completed: int = shown(source="test.completed")
    failed: int = shown(source="test.failed")
    cancelled: int = shown(source="test.cancelled")
    waiting: int = shown("When they were last counted.", source="test.waiting")
    running: int = shown("When they were last counted.", source="test.running")
    peak_in_flight: int = shown(
        "Maximum number of running tasks at any count; exact in the report.",
        source="test.peak_running",
    )
    peak_backlog: int = shown(
        "Maximum number of waiting tasks at any count.", source="test.peak_waiting"
    )
    percent: float = shown("Share of the tasks that have ended.")
    elapsed_seconds: float | None
    eta_seconds: float | None = shown("null if no task ends.")
    ending_per_second: float | None = shown("In the last ten seconds.", source="rate_now")
    wait_ms: StressTimes = shown("Times from ready to started, of ended attempts.")
    run_ms: StressTimes = shown("Attempts that have ended.")
    expected: StressEnds | None = shown("null until all tasks are submitted.")


class StressTest(Resource):
    """A stress test."""

    id: UUID
    name: str
    status: StressState = shown(source="state")
    verdict: Verdict | None = shown(
        "null until it has ended.", compute=lambda test: test.verdict or None
    )
    parameters: StressParameters = shown(compute=itself)
    queue: str = shown(compute=lambda test: QUEUE)
    tag: str = shown("The tag of its tasks.", compute=lambda test: tag_of(test.id))
    submitted: int
    completed: int
    failed: int
    cancelled: int
    reason: str | None = shown(
        "Why it did not complete.", compute=lambda test: test.stop_reason or None
    )
    created_by: str
    created_at: datetime
    begun_at: datetime | None
    submitted_at: datetime | None
    finished_at: datetime | None


class StressTestDetail(StressTest):
    """A stress test with its progress and its report."""

    progress: StressProgress = shown(compute=describe_test)
    environment: dict[str, Any] = shown(
        "Versions, nodes and slots at the beginning.",
        compute=lambda test: {k: v for k, v in test.environment.items() if k != "staleWrites"},
    )
    report: dict[str, Any] | None = shown(
        "reportVersion, verdict, checks, figures, series, scaling …"
    )


class ComparedTest(Resource):
    """One of the two tests."""

    id: UUID
    name: str
    verdict: Verdict


class ComparedFigure(Resource):
    """One figure of both tests."""

    name: str
    value: float | None
    other: float | None
    ratio: float | None = shown("value / other")
    change: FigureChange


class Comparison(Resource):
    """Two tests side by side."""

    tests: list[ComparedTest]
    figures: list[ComparedFigure]
    warnings: list[str] = shown("Why the figures may not be comparable.")
