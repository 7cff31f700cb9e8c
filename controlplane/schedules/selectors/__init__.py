"""Reads of schedules and their firings."""

from controlplane.schedules.selectors.beat import BeatTiming, read_beat, read_timing
from controlplane.schedules.selectors.firings import get_success_rates, list_firings
from controlplane.schedules.selectors.schedules import (
    ScheduleView,
    describe,
    get_schedule,
    list_schedules,
)

__all__ = [
    "BeatTiming",
    "ScheduleView",
    "describe",
    "get_schedule",
    "get_success_rates",
    "list_firings",
    "list_schedules",
    "read_beat",
    "read_timing",
]
