"""One run under its lock: what follows from the end of a step, until nothing more follows.

All of it happens in the transaction that holds the lock of the run's row, so whoever else wants to
move the run comes before or after, never between. Rows are locked in this order: a run, the runs
below it, tasks. A run that ends tells the run above it by a task, and never locks it.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection, transaction

from controlplane.core.errors import DomainError
from tasks_app.services import submit_tasks
from tasks_app.specs import TaskSpec
from workflows import transitions
from workflows.definitions import Definition, Step, load_definition
from workflows.language import BudgetSpentError, ExpressionError
from workflows.models import WorkflowRun
from workflows.selectors import get_workflow
from workflows.selectors.scopes import Scopes, get_parent_states
from workflows.services.deferring import defer_steps
from workflows.services.ends import StepEnd, failed, reason, refused, refused_or_broken, skipped
from workflows.services.opening import Allowance, open_run
from workflows.services.starts import MOST_PAYLOAD_BYTES, Start, make_join, prepare_start
from workflows.states import OnFailure, ReasonCode, RunState, StepState

DEEPEST = 5  # runs below a run
_LONGEST_PAUSE = "180s"  # while expressions are evaluated: their own limit ends them long before


class Course:
    """A locked run, its definition, and what has been decided of it in this transaction."""

    def __init__(self, run: WorkflowRun, allowance: Allowance | None = None) -> None:
        self.run = run
        self.allowance = allowance or Allowance()
        self.definition: Definition = load_definition(run.version)
        self.scopes = Scopes(run, self.allowance.budget, may_defer=self.allowance.may_defer)
        self.steps_ended: int = run.steps_ended
        self.repeats: dict[UUID, UUID] = {}  # tasks that were submitted again, and as which

    @classmethod
    def lock(
        cls,
        run_id: UUID,
        *,
        workspace_id: UUID | None = None,
        allowance: Allowance | None = None,
    ) -> "Course | None":
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
        return cls(run, allowance) if run else None

    @property
    def name(self) -> str:
        return self.run.workflow.name

    @property
    def stopping(self) -> dict[str, Any] | None:
        """Why the run starts nothing more, if it stops: as the reason of a step."""
        if self.run.cancel_requested_at is not None:
            return reason(ReasonCode.RUN_CANCELLED, "The run was cancelled.")
        if self.run.error is not None:
            step = self.run.error.get("step")
            return reason(ReasonCode.RUN_FAILED, f"The run failed at step {step!r}.", step)
        return None

    def go_on(
        self,
        *,
        ends: Sequence[StepEnd] = (),
        ready: Sequence[str] = (),
        starts: Sequence[Start] = (),
    ) -> None:
        """Write these ends, start or skip what waits for nobody, and so on until nothing follows;
        then the run's own row, and its end if that is it."""
        ending, waiting, starting = list(ends), list(ready), list(starts)
        while ending or ((waiting or starting) and not self.stopping):
            if ending:
                waiting += self._end(ending)
                ending = []
            elif starting:
                ending = self._submit(starting)
                starting = []
            else:
                ending, starting, waiting = self._decide(waiting)
        self.save()

    def save(self, *, tells_parent: bool = True) -> None:
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
        if transitions.end_run(run.id, state, steps_ended=self.steps_ended) and tells_parent:
            self._tell_parent()

    def _tell_parent(self) -> None:
        run = self.run
        if run.parent_run_id is None or run.parent_step_key is None:
            return
        above = WorkflowRun(id=run.parent_run_id)
        join = make_join(above, run.parent_step_key, run_name=self.name)
        submit_tasks(workspace_id=run.workspace_id, specs=[join])

    def _end(self, ends: Sequence[StepEnd]) -> list[str]:
        """Write ends; the steps that wait for nobody by them."""
        from workflows.services.stopping import stop  # it needs courses of the runs below

        moved = set(transitions.end_steps(self.run.id, [end.row() for end in ends]))
        self.steps_ended += len(moved)
        self.scopes.forget(moved)
        if self.stopping:
            return []
        fatal = next((end for end in ends if end.key in moved and self._is_fatal(end)), None)
        if fatal is not None:
            self.run.error = {"step": fatal.key, **(fatal.error or {})}
            stop(self, ask_running=False)
            return []
        counts = Counter(
            below for key in moved for below in self.definition.dependents.get(key, ())
        )
        return transitions.release_dependents(self.run.id, counts) if counts else []

    def _is_fatal(self, end: StepEnd) -> bool:
        on_failure = self.definition.by_key[end.key].on_failure
        return end.state == StepState.FAILED and on_failure == OnFailure.FAIL

    def _decide(self, keys: Sequence[str]) -> tuple[list[StepEnd], list[Start], list[str]]:
        """What becomes of steps whose parents have all ended: those that end, those that start, and
        those that have to wait until these are submitted, since their payloads fill the memory."""
        _allow_long_pauses()
        ends, wanted = self._compile(keys)
        starts: list[Start] = []
        size, most, held = 0, settings.TASKPLANE["BULK_MAX"], 0
        for number, step in enumerate(wanted):
            if size >= most or held >= MOST_PAYLOAD_BYTES:
                return ends, starts, [left.key for left in wanted[number:]]
            try:
                made = prepare_start(self.run, step, self.scopes, run_name=self.name)
            except BudgetSpentError:
                defer_steps(self, [left.key for left in wanted[number:]])
                break
            if isinstance(made, Start):
                starts.append(made)
                size += made.size
                held += made.payload_bytes
            else:
                ends.append(made)
        return ends, starts, []

    def _compile(self, keys: Sequence[str]) -> tuple[list[StepEnd], list[Step]]:
        """The ends of steps that do not run, and those that may start, their expressions compiled
        and what these read loaded."""
        steps = [self.definition.by_key[key] for key in keys]
        above = {parent for step in steps for parent in step.depends_on}
        parents = get_parent_states(self.run.id, above) if above else {}
        ends: list[StepEnd] = []
        wanted: list[Step] = []
        left: list[str] = []
        reads: set[str] = set()
        for step in steps:
            end = self._skip(step.key, {key: parents[key] for key in step.depends_on})
            if end is None and self.scopes.must_defer:
                left.append(step.key)
                continue
            if end is None:
                with self.scopes.budget.measure():
                    end = _note_reads(step, reads)
            if end is None:
                wanted.append(step)
            else:
                ends.append(end)
        if left:
            defer_steps(self, left)
        self.scopes.load(reads)
        return ends, wanted

    def _skip(self, key: str, parents: dict[str, tuple[str, str]]) -> StepEnd | None:
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
        """Start steps; the ends of those that were refused."""
        ends: list[StepEnd] = []
        for group in _groups([start for start in starts if start.child is None]):
            ends += self._submit_group(group)
        for start in starts:
            if start.child is not None:
                end = self._start_child(start, *start.child)
                ends += [end] if end else []
        return ends

    def _submit_group(self, starts: Sequence[Start]) -> list[StepEnd]:
        """Submit the tasks of several steps in one call. One that is refused is found by halving,
        so that it takes no neighbour along."""
        specs = [spec for start in starts for spec in start.specs]
        joins = [start.join for start in starts if start.join is not None]
        try:
            self.allowance.check(len(specs) + len(joins), "This step")
            tasks, closers = _submit_with_joins(self.run.workspace_id, specs, joins)
        except (DatabaseError, InterfaceError):
            raise
        except Exception as error:  # noqa: BLE001 - logged there
            if len(starts) == 1:
                return [refused_or_broken(starts[0].key, error)]
            half = len(starts) // 2
            return self._submit_group(starts[:half]) + self._submit_group(starts[half:])
        self.allowance.left -= len(specs) + len(joins)
        self.repeats |= {
            spec.reprocess_of: task
            for spec, task in zip(specs, tasks, strict=True)
            if spec.reprocess_of
        }
        new, join = iter(tasks), iter(closers)
        transitions.start_steps(self.run.id, [_row(start, new, join) for start in starts])
        return []

    def _start_child(self, start: Start, name: str, value: Any) -> StepEnd | None:
        run = self.run
        if run.depth >= DEEPEST:
            message = f"Step {start.key!r}: at most {DEEPEST} runs may stand below each other."
            return failed(start.key, "TooDeep", message, "VALIDATION")
        try:
            workflow = get_workflow(run.workspace_id, name)
            child = open_run(
                workflow,
                value,
                self.allowance,
                started_by=run.started_by,
                depth=run.depth + 1,
                parent_run_id=run.id,
                parent_step_key=start.key,
            )
        except DomainError as error:
            return refused(start.key, error)
        row = {"key": start.key, "state": start.state.value, "child_run_id": str(child.id)}
        transitions.start_steps(run.id, [row])
        begin_run(child, self.allowance)
        return None


def begin_run(run: WorkflowRun, allowance: Allowance | None = None) -> None:
    """Start the first steps of a run that was opened in this transaction."""
    course = Course(run, allowance)
    course.go_on(ready=[step.key for step in course.definition.steps if not step.depends_on])


def _note_reads(step: Step, reads: set[str]) -> StepEnd | None:
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


def _allow_long_pauses() -> None:
    """Many payloads take longer to work out than a transaction may idle elsewhere."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('idle_in_transaction_session_timeout', %s, true)", [_LONGEST_PAUSE]
        )


def _submit_with_joins(
    workspace_id: UUID, specs: Sequence[TaskSpec], joins: Sequence[TaskSpec]
) -> tuple[list[UUID], list[UUID]]:
    """Submit tasks and the joins that name them by their refs, in one call; a list that fills a
    whole call gets its join in a second one."""
    if not specs and not joins:
        return [], []
    if len(specs) + len(joins) <= settings.TASKPLANE["BULK_MAX"] or not specs:
        ids = submit_tasks(workspace_id=workspace_id, specs=[*specs, *joins])
        return ids[: len(specs)], ids[len(specs) :]
    with transaction.atomic():
        tasks = submit_tasks(workspace_id=workspace_id, specs=specs)
        by_ref = {spec.ref: task for spec, task in zip(specs, tasks, strict=True)}
        known = [
            replace(join, depends_on=[by_ref.get(str(ref), ref) for ref in join.depends_on])
            for join in joins
        ]
        return tasks, submit_tasks(workspace_id=workspace_id, specs=known)


def _groups(starts: Sequence[Start]) -> Iterator[list[Start]]:
    """The starts in groups that one call may submit."""
    most: int = settings.TASKPLANE["BULK_MAX"]
    group: list[Start] = []
    size = 0
    for start in starts:
        if group and size + start.size > most:
            yield group
            group, size = [], 0
        group.append(start)
        size += start.size
    if group:
        yield group


def _row(start: Start, tasks: Iterable[UUID], joins: Iterable[UUID]) -> dict[str, Any]:
    """As `transitions.start_steps` takes it, with the ids that its tasks have got."""
    new, join = iter(tasks), iter(joins)
    return {
        "key": start.key,
        "state": start.state.value,
        "task_ids": [str(task or next(new)) for task in start.task_ids],
        "join_id": str(next(join)) if start.join else None,
        "child_run_id": str(start.child_run_id) if start.child_run_id else None,
        "wait_until": start.wait_until.isoformat() if start.wait_until else None,
        "reason": start.reason,
    }
