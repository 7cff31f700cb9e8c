"""A part of what waits in a queue, to be cancelled."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from controlplane.core.visibletext import isolated_text
from tasks_app.filters import TaskFilter
from tasks_app.models import Queue, Task
from tasks_app.queries import in_bounded_time, list_tasks
from tasks_app.states import TaskState

MAX_COUNTED = 10_000
_MAX_SHOWN = 10
_MAX_LENGTH = 200


@dataclass(frozen=True, slots=True)
class WaitingSlice:
    """The waiting tasks of a queue that have a type or a tag; without either all of them."""

    queue: Queue
    type: str = ""
    tag: str = ""

    @property
    def is_whole_queue(self) -> bool:
        return not self.type and not self.tag

    @property
    def words(self) -> str:
        """What is chosen."""
        if self.type:
            return f"type {isolated_text(self.type)} in {isolated_text(self.queue.name)}"
        if self.tag:
            return f"tag {isolated_text(self.tag)} in {isolated_text(self.queue.name)}"
        return f"everything that waits in {isolated_text(self.queue.name)}"

    @property
    def filter(self) -> TaskFilter:
        """As the bulk action takes it."""
        return TaskFilter(
            queues=(self.queue.name,),
            statuses=(TaskState.PENDING.value,),
            types=(self.type,) if self.type else (),
            tags=(self.tag,) if self.tag else (),
            is_internal=True,
        )


@dataclass(frozen=True, slots=True)
class CountedSlice:
    """How many tasks it has, at most MAX_COUNTED, and the first of them."""

    tasks: int
    has_more: bool
    first: list[Task] = field(default_factory=list)

    @property
    def not_shown(self) -> int:
        return self.tasks - len(self.first)


def read_slice(data: Mapping[str, str], queue: Queue) -> WaitingSlice:
    """The slice that a form names."""
    names = {name: data.get(name, "")[:_MAX_LENGTH].replace("\0", "") for name in ("type", "tag")}
    return WaitingSlice(queue, **names)


def count_slice(chosen: WaitingSlice) -> CountedSlice:
    """Raises Invalid when counting takes too long."""
    tasks = list_tasks(chosen.queue.workspace_id, chosen.filter)
    with in_bounded_time(narrow_by="a type"):
        number = tasks.order_by()[: MAX_COUNTED + 1].count()
        # In the order of the claim, which an index serves.
        ordered = tasks.order_by("-priority", "id")
        first = list(ordered.only("id", "name", "type")[:_MAX_SHOWN])
    return CountedSlice(min(number, MAX_COUNTED), number > MAX_COUNTED, first)
