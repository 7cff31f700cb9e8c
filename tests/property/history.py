"""Where histories happen: one queue, two nodes, a few tasks, the model beside them."""

from collections.abc import Container
from datetime import timedelta
from itertools import count
from typing import Any
from uuid import UUID, uuid4

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

import tests.handlers  # noqa: F401 - registers the test types
from controlplane.core.clock import now
from controlplane.workspaces.actors import SYSTEM
from controlplane.workspaces.models import Workspace
from tasks_app import services
from tasks_app.models import Task
from tasks_app.rows import ClaimedRow
from tasks_app.specs import TaskSpec
from tests.manual_worker import register_node
from tests.property.checks import Checks
from tests.property.model import Model, ModelTask

_numbers = count()
LONG = timedelta(hours=1)
_MAX_TASKS = 8  # few of them meet more often

picks = st.lists(st.integers(0, 30), min_size=1, max_size=3)
one = st.integers(0, 30)
nodes = st.integers(0, 1)


class History(RuleBasedStateMachine):
    """One history. Rules are added by the classes that inherit it."""

    @initialize()
    def begin(self) -> None:
        number = next(_numbers)
        self.queue = f"history-{number}"
        workspace = Workspace.objects.create(
            name=self.queue, slug=f"{self.queue}-{uuid4().hex[:8]}"
        )
        self.workspace: UUID = workspace.id
        self.nodes = [register_node(), register_node()]
        self.can_claim = [True, True]
        self.claims: list[tuple[int, ClaimedRow]] = []  # node, claim; right and stale ones
        self.model = Model()
        self.is_paused = False
        self.max_running: int | None = None
        self.audits = 0
        self.writes = 0
        self.checks = Checks(self.workspace, self.model)
        self.submit(parents=[], priority=0, attempts=2, is_late=False, policy="cancel")
        self.submit(parents=[0], priority=0, attempts=1, is_late=False, policy="cancel")
        self.submit(parents=[], priority=0, attempts=1, is_late=True, policy="cancel")

    def after(self) -> None:
        """Every rule ends here: with a zombie's write, which must change nothing."""
        self.write_as_zombie()
        self.checks.check(audits=self.audits)

    def write_as_zombie(self) -> None:
        """What a worker does that lost its lease; see WorkerRules."""

    def pick(self, places: list[int], states: Container[str] | None = None) -> list[UUID]:
        """Tasks, of these states if there are any."""
        tasks = self.model.tasks.values()
        ids = [t.id for t in tasks if states is None or t.state in states]
        ids = ids or list(self.model.tasks)
        return list(dict.fromkeys(ids[place % len(ids)] for place in places)) if ids else []

    def common(self) -> dict[str, Any]:
        return {"workspace_id": self.workspace, "actor": SYSTEM}

    # Submitters and the dispatcher.

    @precondition(lambda self: len(self.model.tasks) < _MAX_TASKS)
    @rule(
        parents=st.lists(one, max_size=3),
        priority=st.sampled_from([0, 0, 5, -5]),
        attempts=st.integers(1, 3),
        is_late=st.sampled_from([False, False, False, True]),
        policy=st.sampled_from(["cancel", "cancel", "run"]),
    )
    def submit(
        self, parents: list[int], priority: int, attempts: int, is_late: bool, policy: str
    ) -> None:
        chosen = self.pick(parents)
        spec = TaskSpec(
            type="test-work", queue=self.queue, priority=priority, max_attempts=attempts,
            run_at=now() + LONG if is_late else None, depends_on=chosen, on_parent_failure=policy,
        )  # fmt: skip
        (task_id,) = services.submit_tasks(workspace_id=self.workspace, specs=[spec])
        self._submitted(task_id, spec, chosen)
        self.after()

    @precondition(lambda self: len(self.model.tasks) < _MAX_TASKS - 3)
    @rule(policy=st.sampled_from(["cancel", "run"]), parent=one)
    def submit_diamond(self, policy: str, parent: int) -> None:
        """Four tasks in one call, the first behind an older one."""
        older = self.pick([parent])
        shape: list[tuple[str, list[Any]]] = [
            ("a", older), ("b", ["a"]), ("c", ["a"]), ("d", ["b", "c"]),
        ]  # fmt: skip
        specs = [
            TaskSpec(
                type="test-work", queue=self.queue, max_attempts=1, ref=ref, depends_on=parents,
                on_parent_failure=policy if ref in "ad" else "cancel",
            )
            for ref, parents in shape
        ]  # fmt: skip
        ids = services.submit_tasks(workspace_id=self.workspace, specs=specs)
        refs = dict(zip("abcd", ids, strict=True))
        for (ref, parents), spec in zip(shape, specs, strict=True):
            self._submitted(refs[ref], spec, [refs.get(p, p) for p in parents])
        self.after()

    def _submitted(self, task_id: UUID, spec: TaskSpec, parents: list[UUID]) -> None:
        assert spec.max_attempts is not None
        self.model.submit(
            ModelTask(
                id=task_id, state="", max_attempts=spec.max_attempts, priority=spec.priority,
                waits_long=spec.run_at is not None, policy=spec.on_parent_failure,
                edges=dict.fromkeys(parents, False),
            )
        )  # fmt: skip

    @rule(time_passes=st.sampled_from([False, False, True]))
    def promote(self, time_passes: bool) -> None:
        if time_passes:
            late = Task.objects.filter(workspace_id=self.workspace, run_at__gt=now())
            late.update(run_at=now())
            self.model.let_time_pass()
        services.promote_due(limit=1_000)
        self.model.promote()
        self.after()

    def do_cancel(self, ids: list[UUID]) -> None:
        ended, asked = services.cancel_tasks(ids=ids, **self.common())
        assert (set(ended), set(asked)) == self.model.cancel(ids)
        self.audits += bool(ended or asked)
        self.after()
