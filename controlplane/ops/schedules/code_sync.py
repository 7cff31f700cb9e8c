"""Brings the schedules of the workspace `default` in line with the declarations in code."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from django.db import InterfaceError, OperationalError, connection, transaction
from django_celery_beat.models import PeriodicTask

from controlplane.core.errors import DomainError
from controlplane.ops.schedules.declarations import Declaration, Fault, discover
from controlplane.ops.schedules.editing import (
    GONE,
    GONE_PAUSED,
    create_schedule,
    module_of,
    update_schedule,
)
from controlplane.ops.schedules.models import Schedule
from controlplane.ops.schedules.states import Source
from controlplane.workspaces.actors import SYSTEM, Actor
from controlplane.workspaces.states import DEFAULT_WORKSPACE_ID
from workflows.queries import get_workflow

logger = logging.getLogger(__name__)

_LOCK = 0x7461736B_73636864  # any number, the same in every process


def make_code_sync() -> Callable[[], bool]:
    """A sweep of one dispatcher, which logs each fault once."""
    logged: set[Fault] = set()

    def sync() -> bool:
        faults = set(sync_code_schedules())
        for fault in sorted(faults - logged, key=lambda fault: fault.where):
            logger.error("Declaration ignored: schedule=%s error=%r", fault.where, fault.message)
        logged.clear()
        logged.update(faults)
        return False

    return sync


def sync_code_schedules() -> list[Fault]:
    """Bring the schedules of source `code` in line with the declarations. Returns the faults of
    ignored declarations. A new declaration becomes a schedule; a changed one changes it, except
    whether it is paused, which a person decides. If a declaration was removed, the schedule is
    paused, with a note, until it is declared again. Several processes may run this at once: the
    second waits, and finds nothing to do.
    """
    declared, faults = discover()
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        rows = Schedule.objects.filter(source=Source.CODE).select_related("periodic_task")
        known = {schedule.code_name: schedule for schedule in rows}
        for each in declared:
            faults += _attempt(each.code_name, _apply, each, known.pop(each.code_name, None))
        for schedule in _undeclared(known.values(), faults):
            faults += _attempt(schedule.code_name, _pause_undeclared, schedule)
    return faults


def _attempt(where: str, verb: Callable[..., None], *arguments: Any) -> list[Fault]:
    """One broken declaration must not keep the others from becoming schedules."""
    try:
        with transaction.atomic():
            verb(*arguments)
    except DomainError as error:
        return [Fault(where, str(error))]
    except (OperationalError, InterfaceError):
        raise  # the database, not the declaration
    except Exception as error:  # noqa: BLE001 - whatever a declaration holds, the others count
        return [Fault(where, f"{type(error).__name__}: {error}")]
    return []


def _undeclared(schedules: Iterable[Schedule], faults: list[Fault]) -> list[Schedule]:
    """Schedules without a declaration, except those of a module that fails, which may declare
    them."""
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


def _pause_undeclared(schedule: Schedule) -> None:
    module = module_of(schedule)
    was_enabled = schedule.periodic_task.enabled
    _change(
        schedule,
        {"enabled": False},
        code_hash=GONE if was_enabled else GONE_PAUSED,
        note=f"Paused, since it is no longer declared in {module}. Declare it again, or remove it.",
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
