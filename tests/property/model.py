"""What the engine promises of tasks, in memory and without SQL: the oracle of the state machine."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

from tasks_app.states import FINAL, WAITING, TaskState

LOST_LIMIT = 3
S = TaskState


@dataclass
class ModelTask:
    """One task as it must be. `edges` are its parents, and whether each is satisfied."""

    id: UUID
    state: str
    max_attempts: int
    priority: int = 0
    waits_long: bool = False  # its run_at is in the future
    policy: str = "cancel"
    edges: dict[UUID, bool] = field(default_factory=dict)
    attempt: int = 0
    round_attempts: int = 0
    lost: int = 0
    lease: UUID | None = None
    node: int | None = None
    is_cancel_asked: bool = False
    outcomes: list[str] = field(default_factory=list)

    @property
    def blocked_by(self) -> int:
        return sum(not is_satisfied for is_satisfied in self.edges.values())


class Model:
    """All tasks of one queue, and what may happen to them."""

    def __init__(self) -> None:
        self.tasks: dict[UUID, ModelTask] = {}

    # Submission and waiting.

    def submit(self, task: ModelTask) -> None:
        task.round_attempts = task.max_attempts
        for parent in task.edges:
            task.edges[parent] = self._is_satisfied_by(task, self.tasks[parent].state)
        self.tasks[task.id] = task
        if any(self._is_hopeless(parent) for parent in self._unsatisfied(task)):
            task.state = S.CANCELLED
        elif task.blocked_by:
            task.state = S.BLOCKED
        else:
            task.state = S.SCHEDULED if task.waits_long else S.PENDING

    def promote(self) -> None:
        for task in self.tasks.values():
            if task.state in (S.SCHEDULED, S.RETRYING) and not task.waits_long:
                task.state = S.PENDING

    def let_time_pass(self) -> None:
        for task in self.tasks.values():
            task.waits_long = False

    def running(self, node: int | None = None) -> list[ModelTask]:
        return [
            task
            for task in self.tasks.values()
            if task.state == S.RUNNING and node in (None, task.node)
        ]

    def next_ready(self, count: int) -> list[UUID]:
        ready = [task for task in self.tasks.values() if task.state == S.PENDING]
        ready.sort(key=lambda task: (-task.priority, task.id))
        return [task.id for task in ready[: max(0, count)]]

    # Attempts.

    def start(self, task_id: UUID, *, lease: UUID, node: int) -> None:
        task = self.tasks[task_id]
        task.state, task.lease, task.node = S.RUNNING, lease, node
        task.attempt += 1

    def holds(self, task_id: UUID, lease: UUID) -> bool:
        task = self.tasks.get(task_id)
        return task is not None and task.state == S.RUNNING and task.lease == lease

    def end_attempts(self, endings: Iterable[tuple[UUID, str, str, int, int, bool]]) -> None:
        """Each: task, state, outcome, grant, lost, waits_long; of holders only, all at once."""
        ended = []
        for task_id, state, outcome, grant, lost, waits_long in endings:
            task = self.tasks[task_id]
            task.outcomes.append(outcome)
            task.max_attempts += grant
            task.lost += lost
            if state in (S.SCHEDULED, S.RETRYING):
                task.waits_long = waits_long
            is_cancelled = task.is_cancel_asked and state != S.COMPLETED
            self._let_go(task, S.CANCELLED if is_cancelled else state)
            ended.append(task)
        self._settle(ended)

    def release(self, task_ids: Iterable[UUID]) -> None:
        ended = []
        for task_id in task_ids:
            task = self.tasks[task_id]
            task.attempt -= 1
            self._let_go(task, S.CANCELLED if task.is_cancel_asked else S.PENDING)
            ended.append(task)
        self._settle(ended)

    def lose(self, task_ids: Iterable[UUID]) -> None:
        endings = []
        for task_id in task_ids:
            is_poison = self.tasks[task_id].lost + 1 >= LOST_LIMIT
            state = S.FAILED if is_poison else S.PENDING
            endings.append((task_id, str(state), "LOST", int(not is_poison), 1, False))
        self.end_attempts(endings)

    @staticmethod
    def _let_go(task: ModelTask, state: str) -> None:
        task.state, task.lease, task.node = state, None, None

    # Operators.

    def cancel(self, task_ids: Iterable[UUID]) -> tuple[set[UUID], set[UUID]]:
        """Who ended, and who was asked."""
        tasks = [self.tasks[task_id] for task_id in task_ids]
        ended = [task for task in tasks if task.state in WAITING]
        asked = [task for task in tasks if task.state == S.RUNNING]
        for task in ended + asked:
            task.is_cancel_asked = True
        for task in ended:
            task.state = S.CANCELLED
        self._settle(ended)
        return {task.id for task in ended}, {task.id for task in asked}

    def retry(self, task_ids: Iterable[UUID]) -> set[UUID]:
        """Who got a new round: not those that would wait for ever."""
        chosen = {i for i in task_ids if self.tasks[i].state in FINAL}
        while stuck := {i for i in chosen if self._would_wait_for_ever(self.tasks[i], chosen)}:
            chosen -= stuck
        for task_id in chosen:
            task = self.tasks[task_id]
            task.state = S.BLOCKED if task.blocked_by else S.PENDING
            task.max_attempts = task.attempt + task.round_attempts
            task.lost, task.is_cancel_asked, task.waits_long = 0, False, False
        return chosen

    def _would_wait_for_ever(self, task: ModelTask, retried: set[UUID]) -> bool:
        return task.policy == "cancel" and any(
            parent not in retried and self._is_hopeless(parent)
            for parent in self._unsatisfied(task)
        )

    def is_editable(self, task_id: UUID) -> bool:
        task = self.tasks[task_id]
        return task.attempt == 0 and task.state in (S.BLOCKED, S.SCHEDULED, S.PENDING)

    def move(self, task_id: UUID, *, waits_long: bool) -> None:
        """An edited run_at."""
        task = self.tasks[task_id]
        task.waits_long = waits_long
        if task.state != S.BLOCKED:
            task.state = S.SCHEDULED if waits_long else S.PENDING

    def delete(self, task_ids: Iterable[UUID]) -> set[UUID]:
        doomed = {i for i in task_ids if self.tasks[i].state in FINAL}
        for task_id in doomed:
            del self.tasks[task_id]
        for task in self.tasks.values():
            for parent in doomed & {p for p, is_satisfied in task.edges.items() if is_satisfied}:
                del task.edges[parent]
        return doomed

    # Families.

    def _settle(self, ended: list[ModelTask]) -> None:
        for parent in ended:
            if parent.state == S.COMPLETED:
                for child in self._waiting_for(parent):
                    self._satisfy(child, parent)
        broken = [task for task in ended if task.state in (S.FAILED, S.CANCELLED)]
        while broken:
            parent = broken.pop()
            for child in self._waiting_for(parent):
                if child.policy == "run":
                    self._satisfy(child, parent)
                elif child.state == S.BLOCKED:
                    child.state = S.CANCELLED
                    broken.append(child)

    def _waiting_for(self, parent: ModelTask) -> list[ModelTask]:
        return [t for t in self.tasks.values() if t.edges.get(parent.id) is False]

    @staticmethod
    def _satisfy(child: ModelTask, parent: ModelTask) -> None:
        child.edges[parent.id] = True
        if child.state == S.BLOCKED and not child.blocked_by:
            child.state = S.SCHEDULED if child.waits_long else S.PENDING

    def _unsatisfied(self, task: ModelTask) -> list[UUID]:
        return [parent for parent, is_satisfied in task.edges.items() if not is_satisfied]

    def _is_hopeless(self, parent: UUID) -> bool:
        task = self.tasks.get(parent)
        return task is None or task.state in (S.FAILED, S.CANCELLED)

    @staticmethod
    def _is_satisfied_by(task: ModelTask, parent_state: str) -> bool:
        if parent_state == S.COMPLETED:
            return True
        return task.policy == "run" and parent_state in (S.FAILED, S.CANCELLED)
