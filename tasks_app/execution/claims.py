"""The rows that a pool child has claimed, each with its place in the slot file."""

from dataclasses import dataclass, field

from tasks_app.execution.context import TaskContext
from tasks_app.processors import registry
from tasks_app.processors.registry import Processor, UnknownType
from tasks_app.rows import ClaimedRow
from workers.slots import CAPACITY, Slot


@dataclass(slots=True, eq=False)
class ClaimedTask:
    """A claimed row, its index in the slot, and its processor if this worker has one."""

    claim: ClaimedRow
    index: int
    processor: Processor | None
    context: TaskContext
    is_async: bool

    @property
    def has_lost_worker(self) -> bool:
        """An earlier attempt ended with its worker: this one runs alone."""
        return self.claim.lost_count > 0

    @property
    def can_share_loop(self) -> bool:
        """It may share an event loop with others."""
        return self.is_async and not self.has_lost_worker


@dataclass(slots=True)
class ClaimSet:
    """The used places of the slot file."""

    slot: Slot
    _free: list[int] = field(default_factory=lambda: list(range(CAPACITY - 1, -1, -1)))

    @property
    def room(self) -> int:
        return len(self._free)

    def hold(self, claim: ClaimedRow, queue: str) -> ClaimedTask:
        """Record the row in the slot file."""
        index = self._free.pop()
        self.slot.claim(index, claim.id.bytes, claim.lease.bytes)
        try:
            processor = registry.get(claim.type)
        except UnknownType:
            processor = None  # reported by the attempt that tries to run it
        context = TaskContext(claim, queue=queue, slot=self.slot, index=index)
        is_async = processor is not None and processor.is_async
        return ClaimedTask(claim, index, processor, context, is_async)

    def remove(self, claimed: ClaimedTask) -> None:
        """The row's outcome is committed, or the row was handed back."""
        self.slot.forget(claimed.index)
        self._free.append(claimed.index)
