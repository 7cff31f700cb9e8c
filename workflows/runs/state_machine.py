"""One run under its lock: all consequences of the end of a step.

All of it happens in the transaction that holds the lock of the run's row, so any other change of
the run happens before or after, never in between. Rows are locked in this order: a run, the runs
below it, tasks. A run that ends notifies the run above it by a task, and never locks it.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection

from controlplane.core.errors import DomainError
from controlplane.workspaces.actors import platform_submitter
from tasks_app.services import submit_tasks
from workflows import transitions
from workflows.definitions import Definition, Step, load_definition
from workflows.language import BudgetSpentError, ExpressionError
from workflows.models import WorkflowRun
from workflows.queries import get_workflow
from workflows.queries.scopes import Scopes, get_parent_states
from workflows.runs.creation import CreationBudget, open_run
from workflows.runs.stopping import stop
from workflows.runs.submission import batch_starts, defer_steps, step_row, submit_with_joins
from workflows.states import MAX_DEPTH, OnFailure, ReasonCode, RunState, StepState
from workflows.steps.ends import StepEnd, failed, reason, refused, refused_or_broken, skipped
from workflows.steps.starts import MAX_PAYLOAD_BYTES, Start, make_join, prepare_start

_IDLE_TIMEOUT = "180s"  # while expressions are evaluated: their own limit ends them long before


class RunStateMachine:
    """A locked run, its definition, and the decisions about it in this transaction."""

    def __init__(self, run: WorkflowRun, creation_budget: CreationBudget | None = None) -> None:
        self.run = run
        self.creation_budget = creation_budget or CreationBudget()
        self.definition: Definition = load_definition(run.version)
        self.scopes = Scopes(
            run, self.creation_budget.expressions, may_defer=self.creation_budget.may_defer
        )
        self.steps_ended: int = run.steps_ended
        self.retried: dict[UUID, UUID] = {}  # the new task by the task that it replaces
        self.retried_by = ""  # the label of the actor who retries the run

    @classmethod
    def lock(
        cls,
        run_id: UUID,
        *,
        workspace_id: UUID | None = None,
        creation_budget: CreationBudget | None = None,
    ) -> "RunStateMachine | None":
        """Lock a run; None when there is none, or none in this workspace."""
        runs = WorkflowRun.objects.filter(id=run_id)
        if workspace_id is not None:
            runs = runs.filter(workspace_id=workspace_id)
        # The input and the definition may be large, and most moves read neither.
        run = (
            runs.select_for_update(of=("self",))
            .select_related("version", "workflow")
            .defer("input", "version__definition", "workflow__description")
            .first()
        )
        return cls(run, creation_budget) if run else None

    @property
    def name(self) -> str:
        return self.run.workflow.name

    @property
    def submitter(self) -> str:
        """What its tasks keep of who submitted them."""
        return platform_submitter(f"workflow {self.name}")

    @property
    def stop_reason(self) -> dict[str, Any] | None:
        """Why the run starts no more steps, as the reason of a step; None while it continues."""
        if self.run.cancel_requested_at is not None:
            return reason(ReasonCode.RUN_CANCELLED, "The run was cancelled.")
        if self.run.error is not None:
            step = self.run.error.get("step")
            return reason(ReasonCode.RUN_FAILED, f"The run failed at step {step!r}.", step)
        return None

    def advance(
        self,
        *,
        ends: Sequence[StepEnd] = (),
        ready: Sequence[str] = (),
        starts: Sequence[Start] = (),
    ) -> None:
        """Write these ends, then start or skip the steps that no longer wait, and repeat until
        there are none; then write the run's own row, and its end after the last step."""
        ending, waiting, starting = list(ends), list(ready), list(starts)
        while ending or ((waiting or starting) and not self.stop_reason):
            if ending:
                waiting += self._write_ends(ending)
                ending = []
            elif starting:
                ending = self._submit(starting)
                starting = []
            else:
                ending, starting, waiting = self._prepare(waiting)
        self.save()

    def save(self, *, notify_parent: bool = True) -> None:
        """Write the run's row; it ends with its last step."""
        run = self.run
        WorkflowRun.objects.filter(id=run.id).update(
            steps_ended=self.steps_ended,
            error=run.error,
            cancel_requested_at=run.cancel_requested_at,
        )
        if self.steps_ended < run.steps_total:
            return
        state = RunState.COMPLETED if run.error is None else RunState.FAILED
        if run.cancel_requested_at is not None:
            state = RunState.CANCELLED
        if transitions.end_run(run.id, state, steps_ended=self.steps_ended) and notify_parent:
            self._notify_parent()

    def _notify_parent(self) -> None:
        run = self.run
        if run.parent_run_id is None or run.parent_step_key is None:
            return
        above = WorkflowRun(id=run.parent_run_id)
        join = make_join(above, run.parent_step_key, run_name=self.name)
        submit_tasks(workspace_id=run.workspace_id, specs=[join], submitter=self.submitter)

    def _write_ends(self, ends: Sequence[StepEnd]) -> list[str]:
        """Write ends. Returns the keys of the steps that no longer wait for any other."""
        moved = set(transitions.end_steps(self.run.id, [end.row() for end in ends]))
        self.steps_ended += len(moved)
        self.scopes.forget(moved)
        if self.stop_reason:
            return []
        fatal = next((end for end in ends if end.key in moved and self._is_fatal(end)), None)
        if fatal is not None:
            self.run.error = {"step": fatal.key, **(fatal.error or {})}
            stop(self, interrupt_running=False)
            return []
        counts = Counter(
            below for key in moved for below in self.definition.dependents.get(key, ())
        )
        return transitions.release_dependents(self.run.id, counts) if counts else []

    def _is_fatal(self, end: StepEnd) -> bool:
        on_failure = self.definition.by_key[end.key].on_failure
        return end.state == StepState.FAILED and on_failure == OnFailure.FAIL

    def _prepare(self, keys: Sequence[str]) -> tuple[list[StepEnd], list[Start], list[str]]:
        """Sorts steps whose parents have all ended: those that end, those that start, and those
        that must wait until these are submitted, because of the memory for their payloads."""
        _extend_idle_timeout()
        ends, startable = self._sort_ready(keys)
        starts: list[Start] = []
        size, limit, payload_bytes = 0, settings.TASKPLANE["BULK_MAX"], 0
        for number, step in enumerate(startable):
            if size >= limit or payload_bytes >= MAX_PAYLOAD_BYTES:
                return ends, starts, [rest.key for rest in startable[number:]]
            try:
                prepared = prepare_start(self.run, step, self.scopes, run_name=self.name)
            except BudgetSpentError:
                defer_steps(self, [rest.key for rest in startable[number:]])
                break
            if isinstance(prepared, Start):
                starts.append(prepared)
                size += prepared.size
                payload_bytes += prepared.payload_bytes
            else:
                ends.append(prepared)
        return ends, starts, []

    def _sort_ready(self, keys: Sequence[str]) -> tuple[list[StepEnd], list[Step]]:
        """The ends of steps that do not run, and those that may start, their expressions compiled
        and what these read loaded."""
        steps = [self.definition.by_key[key] for key in keys]
        above = {parent for step in steps for parent in step.depends_on}
        parents = get_parent_states(self.run.id, above) if above else {}
        ends: list[StepEnd] = []
        startable: list[Step] = []
        deferred: list[str] = []
        reads: set[str] = set()
        for step in steps:
            end = self._end_by_parents(step.key, {key: parents[key] for key in step.depends_on})
            if end is None and self.scopes.must_defer:
                deferred.append(step.key)
                continue
            if end is None:
                with self.scopes.budget.measure():
                    end = _collect_reads(step, reads)
            if end is None:
                startable.append(step)
            else:
                ends.append(end)
        if deferred:
            defer_steps(self, deferred)
        self.scopes.load(reads)
        return ends, startable

    def _end_by_parents(self, key: str, parents: dict[str, tuple[str, str]]) -> StepEnd | None:
        """The end of a step that its parents keep from running, or None."""
        for parent, (state, code) in parents.items():
            on_failure = self.definition.by_key[parent].on_failure
            has_failed = state == StepState.FAILED and on_failure != OnFailure.CONTINUE
            if has_failed or (state == StepState.SKIPPED and code == ReasonCode.PARENT_FAILED):
                how = "failed" if has_failed else "was skipped after a failure"
                message = f"Step {parent!r}, which it depends on, {how}."
                return skipped(key, ReasonCode.PARENT_FAILED, message, parent)
        if parents and all(state == StepState.SKIPPED for state, _ in parents.values()):
            message = "Every step that it depends on was skipped."
            return skipped(key, ReasonCode.PARENTS_SKIPPED, message, next(iter(parents)))
        return None

    def _submit(self, starts: Sequence[Start]) -> list[StepEnd]:
        """Start steps. Returns the ends of those that were refused."""
        ends: list[StepEnd] = []
        for group in batch_starts([start for start in starts if start.child is None]):
            ends += self._submit_group(group)
        for start in starts:
            if start.child is not None:
                end = self._start_child(start, *start.child)
                ends += [end] if end else []
        return ends

    def _submit_group(self, starts: Sequence[Start]) -> list[StepEnd]:
        """Submit the tasks of several steps in one call. A refused one is found by bisection, so
        that it does not affect the others."""
        specs = [spec for start in starts for spec in start.specs]
        joins = [start.join for start in starts if start.join is not None]
        try:
            self.creation_budget.check(len(specs) + len(joins), "This step")
            tasks, closers = submit_with_joins(self, specs, joins)
        except (DatabaseError, InterfaceError):
            raise
        except Exception as error:  # noqa: BLE001 - refused_or_broken logs it
            if len(starts) == 1:
                return [refused_or_broken(starts[0].key, error)]
            half = len(starts) // 2
            return self._submit_group(starts[:half]) + self._submit_group(starts[half:])
        self.creation_budget.remaining -= len(specs) + len(joins)
        self.retried |= {
            spec.reprocess_of: task
            for spec, task in zip(specs, tasks, strict=True)
            if spec.reprocess_of
        }
        new, join = iter(tasks), iter(closers)
        transitions.start_steps(self.run.id, [step_row(start, new, join) for start in starts])
        return []

    def _start_child(self, start: Start, name: str, value: Any) -> StepEnd | None:
        run = self.run
        if run.depth >= MAX_DEPTH:
            message = f"Step {start.key!r}: at most {MAX_DEPTH} runs may be nested."
            return failed(start.key, "TooDeep", message, "VALIDATION")
        try:
            workflow = get_workflow(run.workspace_id, name)
            child = open_run(
                workflow,
                value,
                self.creation_budget,
                started_by=run.started_by,
                depth=run.depth + 1,
                parent_run_id=run.id,
                parent_step_key=start.key,
            )
        except DomainError as error:
            return refused(start.key, error)
        row = {"key": start.key, "state": start.state.value, "child_run_id": str(child.id)}
        transitions.start_steps(run.id, [row])
        begin_run(child, self.creation_budget)
        return None


def begin_run(run: WorkflowRun, creation_budget: CreationBudget | None = None) -> None:
    """Start the first steps of a run that was opened in this transaction."""
    machine = RunStateMachine(run, creation_budget)
    machine.advance(ready=[step.key for step in machine.definition.steps if not step.depends_on])


def _collect_reads(step: Step, reads: set[str]) -> StepEnd | None:
    """Add the steps that the expressions of a step read. One that compiled when it was stored, and
    does not by the rules of today, ends its step."""
    try:
        reads |= step.template.steps
        for expression in (step.when, step.for_each):
            reads |= getattr(expression, "steps", frozenset())
    except ExpressionError as error:
        message = f"Step {step.key!r}, column {error.column}: {error.message} Store a new version."
        return failed(step.key, "ExpressionError", message, "VALIDATION")
    return None


def _extend_idle_timeout() -> None:
    """Rendering many payloads takes longer than the usual limit for an idle transaction."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('idle_in_transaction_session_timeout', %s, true)", [_IDLE_TIMEOUT]
        )
