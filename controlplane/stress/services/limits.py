"""What a test may ask for."""

import math
from typing import TYPE_CHECKING

from django.conf import settings

from controlplane.core.errors import FieldError
from controlplane.core.names import InvalidNameError, check_name
from controlplane.stress.planning import LARGEST_SHARE
from controlplane.stress.processors import MAX_MS
from controlplane.stress.states import StressShape, StressType

if TYPE_CHECKING:
    from controlplane.stress.services.control import Asked

SLOWEST_RATE, FASTEST_RATE = 0.1, 10_000.0
LONGEST_SUBMITTING_SECONDS = 86_400
# Seconds of all tasks together: waiting ones run side by side, busy ones each take a core.
MOST_WAITING_SECONDS, MOST_BUSY_SECONDS = 1_000_000, 86_400
_LONGEST_NAME = 200
_LARGEST_SEED = 2**31 - 1


def find_problems(asked: "Asked") -> list[FieldError]:
    """What is wrong with the values, each by the API's name."""
    most: int = settings.TASKPLANE_STRESS["MAX_TASKS"]
    rate = asked.rate_per_second
    found = [
        *_unless(
            _is_whole(asked.tasks, 1, most),
            "tasks",
            f"A whole number from 1 to {most:,} (STRESS_MAX_TASKS).",
        ),
        *_unless(
            asked.type in StressType.values, "type", f"One of {', '.join(StressType.values)}."
        ),
        *_unless(
            asked.shape in StressShape.values, "shape", f"One of {', '.join(StressShape.values)}."
        ),
        *_unless(
            _is_number(asked.duration_ms, 0, MAX_MS),
            "durationMs",
            f"Milliseconds from 0 to {MAX_MS:,}.",
        ),
        *_unless(_is_number(asked.failure_rate, 0, 1), "failureRate", "A share from 0 to 1."),
        *_unless(
            _is_number(asked.dependent_share, 0, LARGEST_SHARE),
            "dependentShare",
            f"A share from 0 to {LARGEST_SHARE}: four of the five tasks of a chain.",
        ),
        *_unless(
            rate is None or _is_number(rate, SLOWEST_RATE, FASTEST_RATE),
            "ratePerSecond",
            f"A number from {SLOWEST_RATE} to {FASTEST_RATE:,.0f}; none: as fast as it goes.",
        ),
        *_check_name(asked.name),
        *_unless(
            asked.seed is None or _is_whole(asked.seed, 0, _LARGEST_SEED),
            "seed",
            f"A whole number from 0 to {_LARGEST_SEED:,}.",
        ),
    ]
    return found or _find_excess(asked)


def _check_name(name: object) -> list[FieldError]:
    if name == "":
        return []
    try:
        check_name(name, limit=_LONGEST_NAME)
    except InvalidNameError as error:
        return [FieldError(field="name", message=str(error))]
    return []


def _find_excess(asked: "Asked") -> list[FieldError]:
    """What is too much taken together."""
    is_busy = asked.type == StressType.CPU
    most = MOST_BUSY_SECONDS if is_busy else MOST_WAITING_SECONDS
    seconds = 0 if asked.type == StressType.NOOP else asked.tasks * asked.duration_ms / 1_000
    rate = asked.rate_per_second
    return [
        *_unless(
            seconds <= most,
            "durationMs",
            f"{asked.tasks:,} tasks of {asked.duration_ms:g} ms are {seconds:,.0f} s of work; of "
            f"this type at most {most:,} s are allowed.",
        ),
        *_unless(
            rate is None or asked.tasks / rate <= LONGEST_SUBMITTING_SECONDS,
            "ratePerSecond",
            "At this rate it would take longer than a day to submit all tasks.",
        ),
    ]


def _unless(holds: bool, field: str, message: str) -> list[FieldError]:
    return [] if holds else [FieldError(field=field, message=message)]


def _is_whole(value: object, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _is_number(value: object, least: float, most: float) -> bool:
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and math.isfinite(value)
        and least <= value <= most
    )
