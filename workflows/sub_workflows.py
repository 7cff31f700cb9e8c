"""Workflows that run other workflows: checked when a definition is stored, and protected from
deletion afterwards. A name that is a template is looked up during the run.
"""

import difflib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import connection

from controlplane.core.errors import Conflict
from controlplane.core.ids import parse_uuid, uuid7
from controlplane.core.names import canonical_name
from workflows.checks import Problems
from workflows.definitions import Definition, SubWorkflow
from workflows.graphs import show_cycle
from workflows.models import Workflow
from workflows.states import MAX_DEPTH


@dataclass(frozen=True, slots=True)
class Caller:
    """A workflow, and the names and ids of workflows that its steps run."""

    id: UUID
    name: str
    sub_workflows: Sequence[str]


class CallGraph:
    """Workflows, and which of them run others."""

    def __init__(self, callers: Iterable[Caller]) -> None:
        self._callers = {caller.id: caller for caller in callers}
        self._by_name = {caller.name: caller.id for caller in self._callers.values()}
        self._below = {
            caller.id: {found for text in caller.sub_workflows if (found := self.resolve(text))}
            for caller in self._callers.values()
        }
        self._above: dict[UUID, set[UUID]] = {each: set() for each in self._callers}
        for caller, targets in self._below.items():
            for target in targets:
                self._above[target].add(caller)

    @property
    def names(self) -> list[str]:
        return list(self._by_name)

    def resolve(self, text: str) -> UUID | None:
        """The workflow of an id or, when that is none of these, of a name; None for neither."""
        known = _read_id(text)
        return known if known in self._callers else self._by_name.get(canonical_name(text))

    def callers_of(self, workflow_id: UUID) -> list[Caller]:
        """The workflows that run this one."""
        return [self._callers[each] for each in self._above[workflow_id]]

    def callers_by_name(self, workflow_id: UUID) -> list[Caller]:
        """Workflows that use its name, not its id."""
        return [
            caller
            for caller in self.callers_of(workflow_id)
            if any(
                self.resolve(text) == workflow_id and _read_id(text) != workflow_id
                for text in caller.sub_workflows
            )
        ]

    def find_path(self, start: UUID, end: UUID) -> list[str] | None:
        """The names of workflows that run one another, from `start` to `end`; None for no path."""
        came_from: dict[UUID, UUID | None] = {start: None}
        queue = [start]
        while queue and end not in came_from:
            here = queue.pop(0)
            for below in self._below[here] - came_from.keys():
                came_from[below] = here
                queue.append(below)
        if end not in came_from:
            return None
        path: list[str] = []
        step: UUID | None = end
        while step is not None:
            path.append(self._callers[step].name)
            step = came_from[step]
        return path[::-1]

    def levels_below(self, workflow_id: UUID, limit: int) -> int:
        """How deep runs may be nested below a run of this workflow, counted up to `limit`."""
        return _count_levels(workflow_id, self._below.__getitem__, limit)

    def levels_above(self, workflow_id: UUID, limit: int) -> int:
        """How many runs may be above a run of this workflow, counted likewise."""
        return _count_levels(workflow_id, self._above.__getitem__, limit)


def list_callers(workspace_id: UUID) -> list[Caller]:
    rows = Workflow.objects.filter(workspace_id=workspace_id, deleted_at__isnull=True)
    return [Caller(*row) for row in rows.values_list("id", "name", "sub_workflows")]


def _count_levels(start: UUID, following: Callable[[UUID], set[UUID]], limit: int) -> int:
    levels, level = 0, {start}
    while levels < limit and (level := {each for one in level for each in following(one)}):
        levels += 1
    return levels


def _read_id(text: str) -> UUID | None:
    try:
        return parse_uuid(text)
    except ValueError:
        return None


_SHOWN = 5  # callers that an error names


def lock_references(workspace_id: UUID) -> None:
    """Serialise changes of a workspace's definitions until the transaction ends: two that are
    stored at once could otherwise run each other."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [str(workspace_id)])


def check_sub_workflows(
    workspace_id: UUID, name: str, definition: Definition, workflow_id: UUID | None = None
) -> None:
    """Raises Invalid for steps that run a workflow that does not exist, or that would run this one
    again, or whose runs would be nested too deep.

    Without an id, the definition is that of the workflow of this name, if there is one.
    """
    if not definition.sub_workflows:
        return
    callers = list_callers(workspace_id)
    own = Caller(
        workflow_id or next((each.id for each in callers if each.name == name), uuid7()),
        name,
        [sub.workflow for sub in definition.sub_workflows],
    )
    graph = CallGraph([*(each for each in callers if each.id != own.id), own])
    problems = Problems()
    for sub in definition.sub_workflows:
        message = _explain(graph, own, sub)
        if message is not None:
            field = f"tasks[{sub.number}].payload.workflow"
            problems.add(field, f"Step {sub.key!r}: {message}")
    problems.raise_if_any()


def refuse_orphans(workflow: Workflow, *, new_name: str | None = None) -> None:
    """Raises Conflict if other workflows run this one, which is about to be deleted; with
    `new_name`, if they use its old name."""
    if new_name == workflow.name:
        return
    graph = CallGraph(list_callers(workflow.workspace_id))
    if new_name is None:
        callers, verb = graph.callers_of(workflow.id), "deleted"
    else:
        callers, verb = graph.callers_by_name(workflow.id), "renamed"
    names = sorted(caller.name for caller in callers if caller.id != workflow.id)
    if not names:
        return
    shown = ", ".join(map(repr, names[:_SHOWN])) + (", …" if len(names) > _SHOWN else "")
    raise Conflict(
        f"The workflow {workflow.name!r} cannot be {verb}: it is run by {shown}. Change their "
        "steps first."
    )


def _explain(graph: CallGraph, own: Caller, sub: SubWorkflow) -> str | None:
    target = graph.resolve(sub.workflow)
    if target is None:
        near = difflib.get_close_matches(canonical_name(sub.workflow), graph.names, n=1)
        hint = f" Did you mean {near[0]!r}?" if near and near[0] != own.name else ""
        return f"There is no workflow {sub.workflow[:200]!r}.{hint}"
    if target == own.id:
        return "A workflow cannot run itself."
    path = graph.find_path(target, own.id)
    if path is not None:
        return f"These workflows would run each other: {show_cycle([own.name, *path[:-1]])}."
    limit = MAX_DEPTH + 1
    depth = graph.levels_above(own.id, limit) + 1 + graph.levels_below(target, limit)
    if depth > MAX_DEPTH:
        return f"At most {MAX_DEPTH} runs may be nested; this definition would exceed that."
    return None
