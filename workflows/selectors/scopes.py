"""What the expressions of a run's steps may read: its input, and how other steps ended."""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from controlplane.core.clock import utc_z
from workflows.definitions import load_definition
from workflows.language import Scope
from workflows.models import RunStep, WorkflowRun

LARGEST_RESULT_BYTES = 4 * 1024 * 1024  # of JSON; a larger result of a step is not kept
MOST_SECONDS = 30.0  # of processor time, for the expressions of one transaction


class EvaluationTooSlow(Exception):  # noqa: N818 - says what is wrong
    """The expressions of one transaction have used up their time."""


@dataclass(slots=True)
class Meter:
    """The processor time that expressions may still take in one transaction: it holds the lock of
    its run. One evaluation is bounded by itself; ten thousand items may ask for ten thousand."""

    seconds: float = field(default_factory=lambda: MOST_SECONDS)

    @contextmanager
    def measure(self) -> Iterator[None]:
        """Count what happens within. Raises EvaluationTooSlow when nothing is left."""
        if self.seconds <= 0:
            raise EvaluationTooSlow
        began = time.thread_time()
        try:
            yield
        finally:
            self.seconds -= time.thread_time() - began


class Scopes:
    """Makes scopes for the steps of one run; each other step is read once, when first asked for."""

    def __init__(self, run: WorkflowRun, meter: Meter | None = None) -> None:
        self.meter = meter or Meter()
        self._run = run
        self._steps: dict[str, dict[str, Any]] = {}
        self._sizes: dict[str, int] = {}

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
            if size > LARGEST_RESULT_BYTES:
                self._sizes[key] = size
                del self._steps[key]["result"]

    def forget(self, keys: Iterable[str]) -> None:
        """These steps have moved."""
        for key in keys:
            self._steps.pop(key, None)

    def make(self, keys: Iterable[str], item: Any = None, index: int | None = None) -> Scope:
        """What may be read of these steps, which were loaded before."""
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
            f" limit is {LARGEST_RESULT_BYTES}."
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
    if size > LARGEST_RESULT_BYTES:
        return size, None
    return size, dict(steps.values_list("key", "result"))
