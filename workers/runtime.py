"""The role of this process in a worker: shared node state, runtime folder, slot. Set once before
any task runs: by main before the fork, and by each pool child after it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from workers.naming import served_queue
from workers.node_state import SharedNodeState
from workers.recall import Recall
from workers.slots import Slot


@dataclass(slots=True)
class Runtime:
    """The worker this process belongs to. `slot` only in a pool child."""

    name: str
    node_state: SharedNodeState
    directory: Path
    serves_all: bool = True
    queues: Sequence[str] = ()  # those it serves, unless it serves all
    recall: Recall = field(default_factory=Recall)
    slot: Slot | None = None
    recycle_reason: str = ""  # why this pool child wants to be replaced after its wake-up

    def write_queues(self, celery_queues: Iterable[str]) -> None:
        """Write the names of the Celery queues to consume, for main. Replaced atomically."""
        draft = self.directory / ".queues"
        draft.write_text("\n".join(sorted(celery_queues)))
        draft.rename(self.directory / "queues")

    def read_queues(self) -> list[str]:
        try:
            return (self.directory / "queues").read_text().split()
        except FileNotFoundError:
            return []

    def read_served_queues(self) -> list[str]:
        """The queues whose tasks this worker runs."""
        if not self.serves_all:
            return list(self.queues)
        return [queue for name in self.read_queues() if (queue := served_queue(name))]


_runtime: Runtime | None = None


def set_runtime(runtime: Runtime) -> None:
    """Called by main before it forks its agent and its pool."""
    global _runtime  # noqa: PLW0603 - one process is one worker
    _runtime = runtime


def get_runtime() -> Runtime | None:
    """The worker of this process; None outside `manage.py worker`."""
    return _runtime


def open_slot() -> None:
    """Create this pool child's slot file. Called in the child, right after the fork."""
    if _runtime is not None:
        process = psutil.Process()
        _runtime.slot = Slot.create(
            _runtime.directory, pid=process.pid, pid_born=birth_time(process)
        )


def birth_time(process: psutil.Process) -> float:
    """When a process started, in seconds from the machine's start: a step of the clock, which
    moves the time of day of every start, does not move it. Raises psutil.NoSuchProcess."""
    while True:
        boot = psutil.boot_time()
        seconds = process.create_time() - boot
        if psutil.boot_time() == boot:
            return round(seconds, 2)  # the kernel's own precision
        process = psutil.Process(process.pid)  # it remembers the first answer
