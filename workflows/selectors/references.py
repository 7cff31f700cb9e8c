"""Which workflows of a workspace run which others, by their newest versions."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from controlplane.core.ids import parse_uuid
from controlplane.core.names import canonical_name
from workflows.models import Workflow


@dataclass(frozen=True, slots=True)
class Caller:
    """A workflow, and the names and ids of workflows that its steps run."""

    id: UUID
    name: str
    sub_workflows: Sequence[str]


class CallGraph:
    """Workflows, and who runs whom."""

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
        """Every workflow's name."""
        return list(self._by_name)

    def resolve(self, text: str) -> UUID | None:
        """The workflow of an id or, when that is none of these, of a name; None for neither."""
        known = _read_id(text)
        return known if known in self._callers else self._by_name.get(canonical_name(text))

    def callers_of(self, workflow_id: UUID) -> list[Caller]:
        """The workflows that run this one."""
        return [self._callers[each] for each in self._above[workflow_id]]

    def callers_by_name(self, workflow_id: UUID) -> list[Caller]:
        """Those that name it, and not its id."""
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
        """How deep runs may stand below a run of this workflow; no more than `limit` is counted."""
        return _count_levels(workflow_id, self._below.__getitem__, limit)

    def levels_above(self, workflow_id: UUID, limit: int) -> int:
        """How many runs may stand above a run of this workflow, likewise."""
        return _count_levels(workflow_id, self._above.__getitem__, limit)


def list_callers(workspace_id: UUID) -> list[Caller]:
    """Every workflow of a workspace."""
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
