"""Schedules for tests, made by the services, with clocks of their own."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from controlplane.ops.schedules import beat_sync, editing, overlaps, starting
from controlplane.ops.schedules.models import Firing, Schedule
from controlplane.workspaces.actors import SYSTEM
from tests.clients import default_workspace

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def make_schedule(
    schedule: str = "* * * * *", *, since: datetime | None = None, **values: Any
) -> Schedule:
    """A schedule of an echoing task; `since` sets its clock: from there on it is considered."""
    wanted = {"name": f"schedule {Schedule.objects.count()}", "schedule": schedule}
    if "workflow_id" not in values:
        wanted["task_type"] = "test-echo"
    made = editing.create_schedule(
        workspace_id=default_workspace().id, values={**wanted, **values}, actor=SYSTEM
    )
    return set_clock(made, since) if since is not None else made


def set_clock(schedule: Schedule, since: datetime) -> Schedule:
    """Let the schedule be as if it had been made at `since`."""
    schedule.created_at = schedule.considered_until = since
    schedule.timing = ""
    schedule.save()
    # Its times are computed again, as after an edit.
    sync_beat(now=since)
    return reload(schedule)


def sync_beat(**options: Any) -> int:
    """Compare every PeriodicTask with its schedule; how many schedules changed."""
    return _run_through(beat_sync.sync_beat, **options)


def start_queued(**options: Any) -> int:
    """Start the firings of all schedules whose turn has come; how many."""
    return _run_through(overlaps.start_queued, **options)


def record_ends(**options: Any) -> int:
    """Record the end of every firing that has ended; how many."""
    return _run_through(starting.record_ends, **options)


def _run_through(batch: Callable[..., tuple[int, Any]], **options: Any) -> int:
    done, after = batch(**options)
    while after is not None:
        count, after = batch(after=after, **options)
        done += count
    return done


def reload(schedule: Schedule) -> Schedule:
    """The schedule as it is stored."""
    return Schedule.objects.select_related("periodic_task").get(id=schedule.id)


def update(schedule: Schedule, /, **changes: Any) -> Schedule:
    """Change it as a person does."""
    return editing.update_schedule(
        workspace_id=schedule.workspace_id,
        schedule_id=schedule.id,
        changes=changes,
        actor=SYSTEM,
    )


def history(schedule: Schedule) -> list[str]:
    """Its firings, oldest first: time, state or reason, and kind where it is not `schedule`."""
    lines = []
    for firing in Firing.objects.filter(schedule=schedule).order_by("scheduled_for", "id"):
        kind = "" if firing.kind == "schedule" else f" {firing.kind}"
        times = "" if firing.times == 1 else f" x{firing.times}"
        said = firing.skip_reason or firing.state
        lines.append(f"{firing.scheduled_for:%H:%M} {said}{times}{kind}")
    return lines
