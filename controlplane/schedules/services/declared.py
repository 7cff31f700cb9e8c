"""From what the code declares to schedules of the workspace `default`."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from django.db import InterfaceError, OperationalError, connection, transaction
from django_celery_beat.models import PeriodicTask

from controlplane.core.errors import DomainError
from controlplane.schedules.declarations import Declaration, Fault, discover
from controlplane.schedules.models import Schedule
from controlplane.schedules.services.definitions import create_schedule, update_schedule
from controlplane.schedules.services.guards import GONE, GONE_PAUSED, module_of
from controlplane.schedules.states import Source
from controlplane.workspaces.actors import SYSTEM, Actor
from controlplane.workspaces.states import DEFAULT_WORKSPACE_ID
from workflows.queries import get_workflow

logger = logging.getLogger(__name__)

_LOCK = 0x7461736B_73636864  # any number, the same in every process


def make_sync() -> Callable[[], bool]:
    """A sweep for one dispatcher: syncs, and logs each fault once."""
    told: set[Fault] = set()

    def sync() -> bool:
        faults = set(sync_code_schedules())
        for fault in sorted(faults - told, key=lambda found: found.where):
            logger.error("The schedule %s is left out: %s", fault.where, fault.message)
        told.clear()
        told.update(faults)
        return False

    return sync


def sync_code_schedules() -> list[Fault]:
    """Make the schedules of source `code` what the code declares; what is left out, and why.

    A new declaration becomes a schedule; a changed one changes it, but whether it is paused is a
    person's matter. Where the declaration has gone, the schedule is paused, with a note, until it
    is declared again. Safe to run at once in several processes: the second waits, and finds
    nothing to do.
    """
    declared, faults = discover()
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        rows = Schedule.objects.filter(source=Source.CODE).select_related("periodic_task")
        known = {schedule.code_name: schedule for schedule in rows}
        for each in declared:
            faults += _attempt(each.code_name, _apply, each, known.pop(each.code_name, None))
        for schedule in _without(known.values(), faults):
            faults += _attempt(schedule.code_name, _pause_gone, schedule)
    return faults


def _attempt(where: str, verb: Callable[..., None], *arguments: Any) -> list[Fault]:
    """One broken declaration must not keep the others from becoming schedules."""
    try:
        with transaction.atomic():
            verb(*arguments)
    except DomainError as error:
        return [Fault(where, str(error))]
    except (OperationalError, InterfaceError):
        raise  # the database is away: nothing can be said of the declaration
    except Exception as error:  # noqa: BLE001 - whatever a declaration holds, the others count
        return [Fault(where, f"{type(error).__name__}: {error}")]
    return []


def _without(schedules: Iterable[Schedule], faults: list[Fault]) -> list[Schedule]:
    """Those that are really gone: of a module that fails nobody knows what it would declare."""
    broken = {fault.where for fault in faults}
    return [
        schedule
        for schedule in schedules
        if not {schedule.code_name, module_of(schedule)} & broken
        and schedule.code_hash not in (GONE, GONE_PAUSED)
    ]


def _apply(declared: Declaration, schedule: Schedule | None) -> None:
    if schedule is not None and schedule.code_hash == declared.hash:
        return
    values = {
        **declared.values,
        "workflow_id": get_workflow(DEFAULT_WORKSPACE_ID, declared.workflow).id
        if declared.workflow
        else None,
    }
    if schedule is None:
        create_schedule(
            workspace_id=DEFAULT_WORKSPACE_ID,
            values=values,
            actor=_code(declared.module),
            source=Source.CODE,
            code_name=declared.code_name,
            code_hash=declared.hash,
        )
        return
    del values["enabled"]
    if schedule.code_hash == GONE:
        values["enabled"] = True
    _change(schedule, values, code_hash=declared.hash, note="")


def _pause_gone(schedule: Schedule) -> None:
    module = module_of(schedule)
    was_enabled = schedule.periodic_task.enabled
    _change(
        schedule,
        {"enabled": False},
        code_hash=GONE if was_enabled else GONE_PAUSED,
        note=f"It is no longer declared in {module}: it is paused until it is, or is removed.",
    )


def _change(schedule: Schedule, changes: dict[str, Any], *, code_hash: str, note: str) -> None:
    update_schedule(
        workspace_id=schedule.workspace_id,
        schedule_id=schedule.id,
        changes=changes,
        actor=_code(module_of(schedule)),
        code_hash=code_hash,
    )
    PeriodicTask.objects.filter(id=schedule.periodic_task_id).update(description=note)


def _code(module: str) -> Actor:
    return replace(SYSTEM, label=module[:200])
