"""The invariants, read from the database after every step."""

from collections import defaultdict
from uuid import UUID

from controlplane.workspaces.models import AuditEvent
from tasks_app.models import Task, TaskAttempt, TaskDependency
from tasks_app.states import FINAL, TRANSITIONS, TaskState
from tests.property.model import Model, ModelTask

_FIELDS = (
    "id", "state", "attempt", "max_attempts", "round_attempts", "lost_count", "blocked_by",
    "lease", "node_id", "priority", "cancel_requested_at",
)  # fmt: skip


def _expected(task: ModelTask) -> tuple[object, ...]:
    return (
        str(task.state), task.attempt, task.max_attempts, task.round_attempts, task.lost,
        task.blocked_by, task.lease, task.node, task.priority, task.is_cancel_asked,
    )  # fmt: skip


class Checks:
    """What must hold of one workspace's tasks. Remembers states, to judge the arrows."""

    def __init__(self, workspace: UUID, model: Model) -> None:
        self._workspace = workspace
        self._model = model
        self._states: dict[UUID, str] = {}

    def check(self, *, audits: int) -> None:
        tasks = Task.objects.filter(workspace_id=self._workspace)
        rows = {row[0]: (*row[1:-1], row[-1] is not None) for row in tasks.values_list(*_FIELDS)}
        self._check_rows(rows)
        self._check_attempts(rows)
        self._check_families({task: str(row[0]) for task, row in rows.items()})
        self._check_arrows({task: str(row[0]) for task, row in rows.items()})
        made = AuditEvent.objects.filter(workspace_id=self._workspace).count()
        assert made == audits, f"{made} audit rows for {audits} actions of operators"

    def _check_rows(self, rows: dict[UUID, tuple[object, ...]]) -> None:
        """Conservation, and every column as the model says."""
        assert set(rows) == set(self._model.tasks), "tasks are missing, or too many"
        for task_id, task in self._model.tasks.items():
            assert rows[task_id] == _expected(task), task_id

    def _check_attempts(self, rows: dict[UUID, tuple[object, ...]]) -> None:
        """Append-only, numbered without gaps, one outcome for each attempt that ended."""
        found: dict[UUID, list[tuple[int, str]]] = defaultdict(list)
        attempts = TaskAttempt.objects.filter(workspace_id=self._workspace).order_by("attempt")
        for task_id, number, outcome in attempts.values_list("task_id", "attempt", "outcome"):
            found[task_id].append((number, outcome))
        assert set(found) <= set(rows), "attempts of deleted tasks"
        for task_id, task in self._model.tasks.items():
            assert found[task_id] == list(enumerate(task.outcomes, start=1)), task_id
            assert task.attempt == len(task.outcomes) + (task.state == TaskState.RUNNING)
            assert task.attempt <= task.max_attempts

    def _check_families(self, states: dict[UUID, str]) -> None:
        """Nobody waits for what will never come, and nobody stopped waiting too early."""
        edges = TaskDependency.objects.filter(task_id__in=list(states))
        waits: dict[UUID, list[UUID]] = defaultdict(list)
        for task_id, parent, is_satisfied in edges.values_list(
            "task_id", "depends_on_id", "is_satisfied"
        ):
            assert self._model.tasks[task_id].edges[parent] == is_satisfied
            if not is_satisfied:
                waits[task_id].append(parent)
        for task_id, state in states.items():
            if state == TaskState.BLOCKED:
                assert waits[task_id], "blocked by nobody"
                for parent in waits[task_id]:
                    assert states.get(parent) not in (None, *FINAL), "waits for ever"
            elif state not in FINAL:
                assert not waits[task_id], "released too early"

    def _check_arrows(self, states: dict[UUID, str]) -> None:
        """Only legal arrows."""
        for task_id, after in states.items():
            before = self._states.get(task_id)
            legal = before in (None, after) or after in TRANSITIONS[TaskState(before)]
            assert legal, f"{before} → {after}"
        self._states = states
