"""The only writers of a stress test's `state`: guarded updates whose row count shows who won."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from controlplane.ops.stress.models import StressTest
from controlplane.ops.stress.states import STRESS_TRANSITIONS, StressState


def begin(test_id: UUID, *, environment: Mapping[str, Any], at: datetime) -> bool:
    """PREPARING → RUNNING."""
    return _move(
        test_id, StressState.RUNNING, environment=dict(environment), begun_at=at, changed_at=at
    )


def settle(test_id: UUID, *, at: datetime) -> bool:
    """RUNNING → SETTLING: all tasks are submitted."""
    return _move(test_id, StressState.SETTLING, submitted_at=at)


def stop(
    test_id: UUID, *, ends_as: StressState, reason: str, by: str = "", at: datetime | None = None
) -> bool:
    """→ STOPPING; `ends_as` is STOPPED or FAILED. Whether this call stopped it."""
    changed = {"changed_at": at} if at else {}
    # The open tasks are cancelled from the first one on.
    return _move(
        test_id,
        StressState.STOPPING,
        ends_as=ends_as,
        stop_reason=reason,
        stopped_by=by,
        read_after=None,
        **changed,
    )


def check(test_id: UUID) -> bool:
    """SETTLING or STOPPING → CHECKING: all tasks have ended."""
    return _move(test_id, StressState.CHECKING)


def end(
    test_id: UUID, *, state: StressState, verdict: str, report: Mapping[str, Any], at: datetime
) -> bool:
    """→ a final state, with the report."""
    return _move(test_id, state, verdict=verdict, report=dict(report), finished_at=at)


def _move(test_id: UUID, to: StressState, **columns: Any) -> bool:
    sources = [state for state, targets in STRESS_TRANSITIONS.items() if to in targets]
    tests = StressTest.objects.filter(id=test_id, state__in=sources)
    return bool(tests.update(state=to, **columns))
