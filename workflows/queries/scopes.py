"""The values that expressions of a run's steps can read: the input, and the ends of other steps."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from controlplane.core.clock import utc_z
from workflows.definitions import load_definition
from workflows.language import Budget, Scope
from workflows.models import RunStep, WorkflowRun

MAX_RESULT_BYTES = 4 * 1024 * 1024  # of JSON; a larger result of a step is not kept
# For the expressions that a worker evaluates in one transaction, which holds the lock of its run.
MAX_SECONDS = 10.0  # of processor time
MAX_WORK = 4_000_000_000  # bytes of the estimate; a machine does about a billion a second
# For those of a request or the dispatcher, while others wait.
MAX_INLINE_SECONDS = 0.5
MAX_INLINE_WORK = 40_000_000


def make_worker_budget() -> Budget:
    """The budget for the expressions of a join."""
    return Budget(MAX_WORK, MAX_SECONDS)


def make_inline_budget() -> Budget:
    """The budget for expressions before a worker must evaluate the rest."""
    return Budget(MAX_INLINE_WORK, MAX_INLINE_SECONDS)


class Scopes:
    """Makes scopes for the steps of one run; each other step is read once, when first asked for."""

    def __init__(self, run: WorkflowRun, budget: Budget, *, may_defer: bool) -> None:
        self.budget = budget
        self.may_defer = may_defer
        self._run = run
        self._steps: dict[str, dict[str, Any]] = {}
        self._sizes: dict[str, int] = {}

    @property
    def must_defer(self) -> bool:
        """Whether no time is left, and a worker is to do the rest."""
        return self.may_defer and self.budget.seconds <= 0

    def load(self, keys: Iterable[str]) -> None:
        """Read these steps in one query."""
        missing = sorted(set(keys) - set(self._steps))
        if not missing:
            return
        rows = RunStep.objects.filter(run_id=self._run.id, key__in=missing)
        for key, state, result, size, error in rows.values_list(
            "key", "state", "result", "result_bytes", "error"
        ):
            self._steps[key] = {"status": state, "result": result, "error": error}
            if size > MAX_RESULT_BYTES:
                self._sizes[key] = size
                del self._steps[key]["result"]

    def forget(self, keys: Iterable[str]) -> None:
        for key in keys:
            self._steps.pop(key, None)

    def make(self, keys: Iterable[str], item: Any = None, index: int | None = None) -> Scope:
        """The readable values of these steps, which were loaded before."""
        run = self._run
        return Scope(
            input=run.input,
            steps={key: self._steps[key] for key in keys if key in self._steps},
            item=item,
            index=index,
            run={
                "id": str(run.id),
                "workflowId": str(run.workflow_id),
                "createdAt": utc_z(run.created_at),
            },
        )

    def explain_missing(self, keys: Iterable[str]) -> str:
        """A sentence about results that were too large to be kept, or nothing."""
        large = [key for key in sorted(keys) if key in self._sizes]
        if not large:
            return ""
        key = large[0]
        return (
            f" The result of step {key!r} was not kept: it has {self._sizes[key]} bytes, and the"
            f" limit is {MAX_RESULT_BYTES}."
        )


def get_parent_states(run_id: UUID, keys: Iterable[str]) -> dict[str, tuple[str, str]]:
    """The state of each of these steps, and the code of its reason, if it has one."""
    rows = RunStep.objects.filter(run_id=run_id, key__in=list(keys))
    return {
        key: (state, (reason or {}).get("code", ""))
        for key, state, reason in rows.values_list("key", "state", "reason")
    }


def get_leaf_results(run: WorkflowRun) -> tuple[int, dict[str, Any] | None]:
    """The results of a run's steps that nothing depends on, by their keys, and their bytes of JSON;
    None when those are more than are kept."""
    definition = load_definition(run.version)
    leaves = [s.key for s in definition.steps if not definition.dependents.get(s.key)]
    steps = RunStep.objects.filter(run_id=run.id, key__in=leaves).order_by("position")
    size = sum(len(key) + count for key, count in steps.values_list("key", "result_bytes"))
    if size > MAX_RESULT_BYTES:
        return size, None
    return size, dict(steps.values_list("key", "result"))
