"""Schedules, made by their service, with clocks that a test sets, and their firings."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import factory
from factory.django import DjangoModelFactory

from controlplane.core.clock import now
from controlplane.ops.schedules import beat_sync, editing, overlaps, starting
from controlplane.ops.schedules.models import Firing, Schedule
from controlplane.workspaces.actors import SYSTEM
from controlplane.workspaces.models import Workspace
from tests.clients import default_workspace

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


class FiringFactory(DjangoModelFactory[Firing]):
    """A time of a schedule that has come."""

    class Meta:
        model = Firing

    workspace_id = factory.SelfAttribute("schedule.workspace_id")
    kind = "schedule"
    state = "COMPLETED"
    scheduled_for = factory.LazyFunction(now)


def make_firing(schedule: Schedule, state: str = "COMPLETED", **fields: Any) -> Firing:
    """A firing of this schedule."""
    return FiringFactory.create(schedule=schedule, state=state, **fields)


def make_schedule(
    schedule: str = "* * * * *",
    *,
    workspace: Workspace | None = None,
    since: datetime | None = None,
    **values: Any,
) -> Schedule:
    """A schedule of an echoing task; `since` sets its clock: from there on it is considered."""
    spec = {"name": f"schedule {Schedule.objects.count()}", "schedule": schedule}
    if "workflow_id" not in values:
        spec["task_type"] = "test-echo"
    made = editing.create_schedule(
        workspace_id=(workspace or default_workspace()).id,
        values={**spec, **values},
        actor=SYSTEM,
    )
    return set_clock(made, since) if since is not None else made


def make_job(name: str = "a job", workspace: Workspace | None = None, /, **values: Any) -> Schedule:
    """A nightly schedule of a task that does nothing."""
    job = {"name": name, "schedule": "0 2 * * *", "task_type": "noop", **values}
    return make_schedule(workspace=workspace, **job)


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
        state = firing.skip_reason or firing.state
        lines.append(f"{firing.scheduled_for:%H:%M} {state}{times}{kind}")
    return lines
