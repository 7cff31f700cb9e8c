"""Connects submitted tasks to their parents."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from uuid import UUID

import orjson
from django.db import connection

from controlplane.core.clock import now as utc_now
from controlplane.core.errors import Invalid
from controlplane.core.sql import load_sql
from tasks_app import transitions
from tasks_app.failures import error_record
from tasks_app.models import Task, TaskDependency
from tasks_app.rows import Cursor, Finished, NewTask
from tasks_app.services.preparation import Spec
from tasks_app.settling import announce_cancelled_by_parent, settle_ended
from tasks_app.states import ErrorCategory, ParentFailure, TaskState


@dataclass(frozen=True, slots=True)
class Family:
    """The parents of each row, and where each parent was named. Without edges and refs there are
    no lists."""

    parents: list[list[UUID]]
    is_bulk: bool

    @property
    def edges(self) -> int:
        return sum(len(parents) for parents in self.parents)

    @classmethod
    def of(cls, specs: Sequence[Spec], rows: Sequence[NewTask]) -> "Family":
        """Resolve refs of the same call. Raises Invalid for a ref used twice, an unknown one, a
        cycle."""
        is_bulk = len(specs) > 1
        if not any(spec.depends_on or spec.ref is not None for spec in specs):
            return cls(parents=[], is_bulk=is_bulk)
        refs: dict[str, UUID] = {}
        for number, (spec, row) in enumerate(zip(specs, rows, strict=True)):
            if spec.ref is None:
                continue
            if spec.ref in refs:
                raise _invalid(number, is_bulk, "ref", f"The ref {spec.ref!r} is used twice.")
            refs[spec.ref] = row.id
        parents = [
            [_resolve(name, refs, number, is_bulk) for name in dict.fromkeys(spec.depends_on)]
            for number, spec in enumerate(specs)
        ]
        family = cls(parents=[list(dict.fromkeys(p)) for p in parents], is_bulk=is_bulk)
        if refs:
            family._refuse_cycles(rows, specs)
        return family

    def _refuse_cycles(self, rows: Sequence[NewTask], specs: Sequence[Spec]) -> None:
        number_of = {row.id: number for number, row in enumerate(rows)}
        graph = {
            row.id: self.parents[number] for row, number in zip(rows, range(len(rows)), strict=True)
        }
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as error:
            numbers = [number_of[task] for task in error.args[1]]
            names = " → ".join(specs[n].ref or f"tasks[{n}]" for n in reversed(numbers))
            raise _invalid(
                numbers[0], self.is_bulk, "dependsOn", f"These tasks wait for each other: {names}."
            ) from error


def link_family(
    cursor: Cursor, rows: Sequence[NewTask], family: Family, workspace_id: UUID, *, using: str
) -> list[NewTask]:
    """Insert rows and their edges in the open transaction. Returns the rows as inserted.

    Raises Invalid for a parent that the workspace does not have.
    """
    own = {row.id for row in rows}
    outside = sorted({p for parents in family.parents for p in parents} - own)
    states = (
        transitions.mark_parents(cursor, workspace_id=workspace_id, parents=outside)
        if outside
        else {}
    )
    _refuse_unknown(family, own, states)
    has_dependents = {p for parents in family.parents for p in parents}
    placed = [
        _place(row._replace(has_dependents=row.id in has_dependents), parents, states)
        for row, parents in zip(rows, family.parents, strict=True)
    ]
    transitions.insert_tasks(cursor, placed)
    edges = [
        (row.id, parent, _is_satisfied(row, states.get(parent)))
        for row, parents in zip(placed, family.parents, strict=True)
        for parent in parents
    ]
    cursor.execute(
        "INSERT INTO tasks_app_taskdependency (task_id, depends_on_id, is_satisfied)"
        " SELECT * FROM unnest(%s::uuid[], %s::uuid[], %s::bool[])",
        [list(column) for column in zip(*edges, strict=True)],
    )
    stillborn = [
        Finished(row.id, row.state, True)
        for row in placed
        if row.state == TaskState.CANCELLED and row.has_dependents
    ]
    settle_ended(cursor, stillborn, using=using)
    announce_cancelled_by_parent(
        [row.id for row in placed if row.state == TaskState.CANCELLED], using=using
    )
    return placed


def _place(row: NewTask, parents: Sequence[UUID], states: dict[UUID, str]) -> NewTask:
    """The row in the state that its parents leave it: ready, blocked, or cancelled at once."""
    waits = [p for p in parents if not _is_satisfied(row, states.get(p))]
    broken = next(
        (p for p in waits if states.get(p) in (TaskState.FAILED, TaskState.CANCELLED)), None
    )
    if broken is not None:
        record = error_record(
            "ParentFailed",
            f"Cancelled because the task it depends on, {broken}, had not completed.",
            ErrorCategory.CANCELLED_BY_PARENT,
        )
        return row._replace(
            state=TaskState.CANCELLED.value,
            finished_at=utc_now(),
            error=orjson.dumps(record).decode(),
            blocked_by=len(waits),
        )
    if waits:
        return row._replace(state=TaskState.BLOCKED.value, blocked_by=len(waits))
    return row


def _is_satisfied(row: NewTask, parent_state: str | None) -> bool:
    if parent_state == TaskState.COMPLETED:
        return True
    has_ended_badly = parent_state in (TaskState.FAILED, TaskState.CANCELLED)
    return has_ended_badly and row.on_parent_failure == ParentFailure.RUN


def _resolve(name: UUID | str, refs: dict[str, UUID], number: int, is_bulk: bool) -> UUID:
    if isinstance(name, UUID):
        return name
    if name in refs:
        return refs[name]
    try:
        return UUID(name)
    except ValueError:
        raise _invalid(
            number, is_bulk, "dependsOn", f"{name!r} is neither a task's id nor a ref of this call."
        ) from None


def _refuse_unknown(family: Family, own: set[UUID], states: dict[UUID, str]) -> None:
    for number, parents in enumerate(family.parents):
        for parent in parents:
            if parent not in own and parent not in states:
                raise _invalid(number, family.is_bulk, "dependsOn", f"There is no task {parent}.")


def _invalid(number: int, is_bulk: bool, field: str, message: str) -> Invalid:
    prefix = f"tasks[{number}]." if is_bulk else ""
    return Invalid(errors=[{"field": prefix + field, "message": message}])


@dataclass(frozen=True, slots=True)
class ParentEdge:
    """A parent of a task. `state` is None when the parent has been removed; `newest` and
    `newest_state` are the latest task that repeats the parent's work, or the parent itself."""

    parent: UUID
    is_satisfied: bool
    state: str | None
    newest: UUID
    newest_state: str | None


def lock_with_parents(workspace_id: UUID, ids: Sequence[UUID]) -> dict[UUID, list[ParentEdge]]:
    """The parents of these tasks; those that have been removed are left out.

    Locks the tasks, their parents and what repeats the parents, in the order of ids as everybody
    does: two repetitions of the same task, or one and a retry, come one after the other.
    """
    edges = list(
        TaskDependency.objects.filter(task_id__in=ids, task__workspace_id=workspace_id).values_list(
            "task_id", "depends_on_id", "is_satisfied"
        )
    )
    newest = get_newest_reprocessings(workspace_id, {parent for _, parent, _ in edges})
    states = _lock(workspace_id, {*ids, *newest, *newest.values()})
    found: dict[UUID, list[ParentEdge]] = {task: [] for task in ids if task in states}
    for task, parent, is_satisfied in edges:
        last = newest.get(parent, parent)
        edge = ParentEdge(parent, is_satisfied, states.get(parent), last, states.get(last))
        if task in found:
            found[task].append(edge)
    return found


def get_newest_reprocessings(workspace_id: UUID, ids: Iterable[UUID]) -> dict[UUID, UUID]:
    """For each of these tasks the newest one that repeats its work, over any number of
    repetitions, or itself. Tasks that have been removed are left out."""
    with connection.cursor() as cursor:
        cursor.execute(
            load_sql("tasks_app", "find_newest_reprocessings"),
            {"ids": list(ids), "workspace": workspace_id},
        )
        return dict(cursor.fetchall())


def _lock(workspace_id: UUID, ids: Iterable[UUID]) -> dict[UUID, str]:
    tasks = Task.objects.filter(workspace_id=workspace_id, id__in=list(ids))
    return dict(tasks.order_by("id").select_for_update(no_key=True).values_list("id", "state"))
