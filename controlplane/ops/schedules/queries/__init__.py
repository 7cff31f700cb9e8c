"""Reads of schedules and firings, and the times that come."""

from controlplane.ops.schedules.queries.schedules import (
    TaskEnding,
    describe,
    describe_jobs,
    find_firing_of_task,
    get_lag,
    get_schedule,
    get_success_rates,
    list_firings,
    list_schedules,
    list_task_endings,
    with_beat,
)
from controlplane.ops.schedules.queries.times import (
    Upcoming,
    describe_timing,
    list_upcoming,
    next_times,
    parse_checked,
)

__all__ = [
    "TaskEnding",
    "Upcoming",
    "describe",
    "describe_jobs",
    "describe_timing",
    "find_firing_of_task",
    "get_lag",
    "get_schedule",
    "get_success_rates",
    "list_firings",
    "list_schedules",
    "list_task_endings",
    "list_upcoming",
    "next_times",
    "parse_checked",
    "with_beat",
]
