"""The dispatcher's work for stress tests: submit what is due, look, stop, check, report.

Each test has one transaction per pass, in which its row is locked: two dispatchers never submit the
same tasks, and one that dies half-way leaves the test as it was before the pass. A pass is short,
since the dispatcher has other work.
"""

import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from django.db import InterfaceError, OperationalError, transaction

from controlplane.core.clock import now as utc_now
from controlplane.stress import transitions
from controlplane.stress.models import StressTest
from controlplane.stress.report import write_broken_report
from controlplane.stress.selectors import parameters_of
from controlplane.stress.services.checking import check_some, give_verdict
from controlplane.stress.services.environment import describe_environment
from controlplane.stress.services.looking import actor_of, is_over, look
from controlplane.stress.services.silence import patience, why_quiet
from controlplane.stress.services.submitting import submit_next
from controlplane.stress.states import OPEN, StressState, Verdict
from tasks_app.services import cancel_tasks

logger = logging.getLogger(__name__)

_MOST_TESTS = 100
_PASS_SECONDS = 0.15
_LOOK_SECONDS = 0.1  # of the pass of a test that is being submitted, besides
# A task that was handed back while it was to be cancelled is asked again.
_ASK_AGAIN = timedelta(seconds=5)
_MOST_SAID = 1_000
# Whether the pass has lasted long enough.
IsEnough = Callable[[], bool]
_COLUMNS = [
    "submitted", "dependents", "families", "completed", "failed", "cancelled", "expected_failed",
    "expected_cancelled", "waiting", "running", "peak_running", "peak_waiting", "waits", "runs",
    "sample_seconds", "last_submit_at", "looked_at", "sampled_at", "moved_at",
]  # fmt: skip


def drive_tests(*, now: datetime | None = None) -> bool:
    """One pass over the tests that have not ended; whether one of them has more to do at once.

    `now` is the time from which rates and silences count.
    """
    has_more = False
    open_tests = StressTest.objects.filter(state__in=sorted(OPEN)).order_by("id")
    for test in list(open_tests.values_list("id", flat=True)[:_MOST_TESTS]):
        try:
            has_more |= _drive(test, now or utc_now())
        except (OperationalError, InterfaceError):
            raise
        except Exception as error:
            # One test that cannot go on must not keep the others from their work.
            logger.exception("The stress test %s could not be driven", test)
            _give_up(test, f"It could not go on: {type(error).__name__}: {error}"[:_MOST_SAID])
    return has_more


@transaction.atomic
def _drive(test_id: UUID, now: datetime) -> bool:
    test = StressTest.objects.select_for_update(skip_locked=True).filter(id=test_id).first()
    if test is None or test.state not in _STEPS:
        return False
    has_more = _STEPS[test.state](test, now, _deadline())
    test.save(update_fields=_COLUMNS)
    return has_more


def _begin(test: StressTest, now: datetime, _is_enough: IsEnough) -> bool:
    transitions.begin(test.id, environment=describe_environment(), at=now)
    test.moved_at = now
    return True


def _submit(test: StressTest, now: datetime, is_enough: IsEnough) -> bool:
    started = time.monotonic()
    while test.submitted < test.tasks and submit_next(test, now) and not is_enough():
        continue
    took = timedelta(seconds=time.monotonic() - started)
    has_more = look(test, now, _deadline(_LOOK_SECONDS))
    if test.submitted >= test.tasks:
        return transitions.settle(test.id, at=now + took)
    return _stop_if_quiet(test, now) or has_more or test.rate_per_second is None


def _settle(test: StressTest, now: datetime, is_enough: IsEnough) -> bool:
    has_more = look(test, now, is_enough)
    if is_over(test):
        return transitions.check(test.id)
    return _stop_if_quiet(test, now) or has_more


def _stop(test: StressTest, now: datetime, is_enough: IsEnough) -> bool:
    """Cancel what waits and ask what runs, some chunks at a time."""
    actor = actor_of(test)
    due = test.chunks.filter(is_over=False).exclude(asked_at__gt=now - _ASK_AGAIN)
    has_more = False
    for chunk in due.order_by("number").iterator():
        cancel_tasks(workspace_id=test.workspace_id, ids=chunk.task_ids, actor=actor)
        chunk.asked_at = now
        chunk.save(update_fields=["asked_at"])
        if has_more := is_enough():
            break
    has_more |= look(test, now, is_enough)
    # What could not be ended in all that time is told by the report.
    if is_over(test) or _is_quiet(test, now):
        return transitions.check(test.id)
    return has_more


def _check(test: StressTest, now: datetime, is_enough: IsEnough) -> bool:
    if not check_some(test, is_enough):
        return True
    give_verdict(test, now)
    return False


_STEPS: dict[str, Callable[[StressTest, datetime, IsEnough], bool]] = {
    StressState.PREPARING: _begin,
    StressState.RUNNING: _submit,
    StressState.SETTLING: _settle,
    StressState.STOPPING: _stop,
    StressState.CHECKING: _check,
}


def _deadline(seconds: float = _PASS_SECONDS) -> IsEnough:
    end = time.monotonic() + seconds
    return lambda: time.monotonic() >= end


def _stop_if_quiet(test: StressTest, now: datetime) -> bool:
    """Give the test up when nothing has moved for too long; whether it was."""
    if not _is_quiet(test, now) or (test.waiting == 0 and test.running == 0):
        return False
    test.moved_at = now
    reason = why_quiet(test.workspace_id, patience(test))
    return transitions.stop(test.id, ends_as=StressState.FAILED, reason=reason)


def _is_quiet(test: StressTest, now: datetime) -> bool:
    silent = now - (test.moved_at or now)
    return silent > timedelta(seconds=patience(test))


def _give_up(test_id: UUID, said: str) -> None:
    at = utc_now()
    if transitions.stop(test_id, ends_as=StressState.FAILED, reason=said, at=at):
        return
    # It was ending already, and cannot be read to its end.
    test = StressTest.objects.get(id=test_id)
    report = write_broken_report(parameters_of(test), test.environment, said)
    transitions.end(test_id, state=StressState.FAILED, verdict=Verdict.FAILED, report=report, at=at)
