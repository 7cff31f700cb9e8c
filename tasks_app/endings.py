"""Determines the state of a task from how its handler ended. Pure: no database, no clock."""

import logging
import random
from typing import Any

import orjson
import pydantic

from controlplane.core.values import check_payload_value
from tasks_app.failures import describe, error_record
from tasks_app.processors.outcomes import Fail, RetryLater, Snooze, TaskCancelled, TaskTimedOut
from tasks_app.processors.registry import Processor
from tasks_app.processors.retry import RetryPolicy
from tasks_app.rows import ClaimedRow, Outcome
from tasks_app.states import AttemptOutcome, ErrorCategory, TaskState

logger = logging.getLogger(__name__)

_COMPLETED = TaskState.COMPLETED.value
_SUCCEEDED = AttemptOutcome.SUCCEEDED.value
_POSTPONED_MS = 60_000
_MAX_DELAY_SECONDS = 3_650 * 86_400


class ResultNotJson(Exception):  # noqa: N818 - the name that people read in the record
    """The handler returned a value that cannot be stored as JSON."""


def succeeded(claim: ClaimedRow, result: Any, *, run_ms: float) -> Outcome:
    """COMPLETED with a result. Raises ResultNotJson."""
    if result is not None:
        try:
            result = orjson.Fragment(check_payload_value(result, field="result"))
        except Exception as error:
            raise ResultNotJson(f"The handler's result is not JSON: {error}") from error
    return Outcome(claim.id, claim.lease, _COMPLETED, _SUCCEEDED, run_ms, result)


def ending_of(
    claim: ClaimedRow,
    error: BaseException,
    *,
    interruption: BaseException | None,
    processor: Processor | None,
    run_ms: float,
) -> Outcome:
    """The ending of a handler that raised `error`, or that `interruption` of the engine stopped.

    It must not fail, whatever the author's code does: the text of an exception, a retry rule or a
    category rule may raise anything, SystemExit included.
    """
    try:
        return _ending_of(claim, error, interruption, processor, run_ms)
    except BaseException:
        logger.exception("Retry or category rule failed: type=%s", claim.type)
    try:
        return _ending_of(claim, error, interruption, None, run_ms)
    except BaseException:
        logger.exception("Error of a handler unreadable: type=%s", claim.type)
    return failed(
        claim,
        error_record("UnreadableError", "The handler's error cannot be read.", ErrorCategory.CODE),
        error=RuntimeError(),
        processor=None,
        run_ms=run_ms,
    )


def _ending_of(
    claim: ClaimedRow,
    error: BaseException,
    interruption: BaseException | None,
    processor: Processor | None,
    run_ms: float,
) -> Outcome:
    if interruption is None:
        return raised(claim, error, processor=processor, run_ms=run_ms)
    cleanup_error = None if error is interruption or isinstance(error, Swallowed) else error
    return ending_of_interrupted(
        claim, interruption, processor=processor, run_ms=run_ms, cleanup_error=cleanup_error
    )


class Swallowed(Exception):  # noqa: N818 - what happened
    """The handler returned a value although the engine had interrupted it."""


def ending_of_interrupted(
    claim: ClaimedRow,
    interruption: BaseException,
    *,
    processor: Processor | None,
    run_ms: float,
    cleanup_error: BaseException | None = None,
) -> Outcome:
    """The ending of a handler that the engine interrupted. A value that it returned, or
    an error of its clean-up, does not hide the time-out or the cancel."""
    match interruption:
        case TaskTimedOut():
            return timed_out(claim, processor=processor, run_ms=run_ms, cleanup_error=cleanup_error)
        case TaskCancelled():
            return cancelled(claim, run_ms=run_ms)
    return interrupted(claim, run_ms=run_ms)


def raised(
    claim: ClaimedRow, error: BaseException, *, processor: Processor | None, run_ms: float
) -> Outcome:
    """The ending for an exception from a handler."""
    match error:
        case TaskCancelled():
            return cancelled(claim, run_ms=run_ms)
        case Snooze():
            return snoozed(claim, error, run_ms=run_ms)
        case TaskTimedOut():
            return timed_out(claim, processor=processor, run_ms=run_ms)
    delay_ms = _checked_ms(error.delay_seconds) if isinstance(error, RetryLater) else None
    retryable = not isinstance(error, Fail | pydantic.ValidationError)
    category = ErrorCategory.VALIDATION if isinstance(error, pydantic.ValidationError) else None
    return failed(
        claim,
        describe(error, processor=processor, category=category),
        error=error,
        processor=processor,
        run_ms=run_ms,
        delay_ms=delay_ms,
        retryable=retryable,
    )


def failed(
    claim: ClaimedRow,
    record: dict[str, Any],
    *,
    error: BaseException,
    processor: Processor | None,
    run_ms: float,
    delay_ms: float | None = None,
    retryable: bool = True,
    outcome: AttemptOutcome = AttemptOutcome.FAILED,
) -> Outcome:
    """RETRYING after the back-off, or FAILED when that was the last attempt."""
    if retryable and delay_ms is None:
        delay_ms = _back_off_ms(claim, error, processor)
    if not retryable or delay_ms is None or claim.attempt >= claim.max_attempts:
        state, delay_ms = TaskState.FAILED, 0
    else:
        state = TaskState.RETRYING
    return Outcome(
        id=claim.id,
        lease=claim.lease,
        state=state.value,
        outcome=outcome.value,
        run_ms=run_ms,
        error=record,
        delay_ms=delay_ms,
    )


def timed_out(
    claim: ClaimedRow,
    *,
    processor: Processor | None,
    run_ms: float,
    cleanup_error: BaseException | None = None,
) -> Outcome:
    """As failed, with the limit in the message, and the error of the handler's clean-up."""
    record = error_record(
        "TaskTimedOut",
        f"The handler ran longer than its limit of {claim.timeout_ms / 1000:g} s.",
        ErrorCategory.TIMEOUT,
    )
    if cleanup_error is not None:
        cleanup = describe(cleanup_error, category=ErrorCategory.TIMEOUT)
        record["message"] += f" Its clean-up then raised {cleanup['class']}: {cleanup['message']}"
        record["traceback"] = cleanup["traceback"]
    return failed(
        claim,
        record,
        error=TaskTimedOut(),
        processor=processor,
        run_ms=run_ms,
        outcome=AttemptOutcome.TIMED_OUT,
    )


def cancelled(claim: ClaimedRow, *, run_ms: float) -> Outcome:
    """CANCELLED: the handler was interrupted at an operator's request."""
    return Outcome(
        id=claim.id,
        lease=claim.lease,
        state=TaskState.CANCELLED.value,
        outcome=AttemptOutcome.CANCELLED.value,
        run_ms=run_ms,
        error=error_record(
            "TaskCancelled", "Cancelled while it ran, at the request of a person.", "UNKNOWN"
        ),
    )


def snoozed(claim: ClaimedRow, snooze: Snooze, *, run_ms: float) -> Outcome:
    """SCHEDULED; the attempt is given back."""
    return Outcome(
        id=claim.id,
        lease=claim.lease,
        state=TaskState.SCHEDULED.value,
        outcome=AttemptOutcome.SNOOZED.value,
        run_ms=run_ms,
        delay_ms=_checked_ms(snooze.delay_seconds),
        grant=1,
    )


def interrupted(claim: ClaimedRow, *, run_ms: float) -> Outcome:
    """PENDING; the worker had to stop, and the attempt is given back."""
    return Outcome(
        id=claim.id,
        lease=claim.lease,
        state=TaskState.PENDING.value,
        outcome=AttemptOutcome.INTERRUPTED.value,
        run_ms=run_ms,
        grant=1,
    )


def postponed(outcome: Outcome, error: Exception) -> Outcome:
    """RETRYING in a minute: its outcome could not be written, and the attempt does not count."""
    return Outcome(
        id=outcome.id,
        lease=outcome.lease,
        state=TaskState.RETRYING.value,
        outcome=AttemptOutcome.INTERRUPTED.value,
        run_ms=outcome.run_ms,
        error=describe(error, category=ErrorCategory.UNKNOWN),
        ago_ms=outcome.ago_ms,
        wait_ms=outcome.wait_ms,
        delay_ms=_POSTPONED_MS,
        grant=1,
    )


def _checked_ms(seconds: Any) -> float:
    """The milliseconds of a delay that a handler requested. Raises ValueError for a time that a row
    cannot store: it would be retried for ever."""
    if not isinstance(seconds, int | float) or not 0 <= seconds <= _MAX_DELAY_SECONDS:
        raise ValueError(f"A delay must be from 0 to {_MAX_DELAY_SECONDS} seconds.")
    return seconds * 1000


def _back_off_ms(
    claim: ClaimedRow, error: BaseException, processor: Processor | None
) -> float | None:
    # Grants raise the ceiling with the attempt, so the difference counts true failures only.
    failed_attempts = max(1, claim.round_attempts - (claim.max_attempts - claim.attempt))
    if claim.retry is not None:
        policy = RetryPolicy.from_json(orjson.loads(claim.retry))
    elif processor is not None and processor.retry_rule is not None:
        seconds = processor.retry_rule(failed_attempts, error)
        return None if seconds is None else max(0.0, min(seconds * 1000, 30 * 86_400_000))
    else:
        policy = processor.retry if processor is not None else RetryPolicy()
    return policy.delay_ms(failed_attempts, random.random)
