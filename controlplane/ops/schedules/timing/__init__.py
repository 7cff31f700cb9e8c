"""When a schedule fires: text in, instants out. Knows no database and no clock.

The dispatcher and the preview compute with the same code, and two dispatchers compute the same
instants from the same text, zone, anchor and bounds.
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
