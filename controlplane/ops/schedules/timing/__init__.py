"""Computes when a schedule fires: from an expression to instants. Uses no database and no clock.
The dispatcher and the preview share this code, and two dispatchers compute the same instants from
the same expression, zone, anchor and bounds.
"""

from controlplane.ops.schedules.timing.parsing import (
    MAX_TEXT_LENGTH,
    TimingError,
    find_warnings,
    parse_timing,
)
from controlplane.ops.schedules.timing.rules import (
    CronRule,
    EveryRule,
    OnceRule,
    Timing,
)

__all__ = [
    "MAX_TEXT_LENGTH",
    "CronRule",
    "EveryRule",
    "OnceRule",
    "Timing",
    "TimingError",
    "find_warnings",
    "parse_timing",
]
