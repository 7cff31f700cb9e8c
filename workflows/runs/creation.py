"""New runs, and how much one transaction may create."""

from dataclasses import dataclass, field
from typing import Any

from controlplane.core.clock import now
from controlplane.core.errors import Invalid, TooLarge
from workflows import transitions
from workflows.definitions import check_input, load_definition
from workflows.language import Budget
from workflows.models import RunStep, Workflow, WorkflowRun
from workflows.queries import get_version
from workflows.queries.scopes import make_inline_budget
from workflows.states import RunState, StepState

MAX_CREATED = 200_000  # steps and tasks of one transaction


@dataclass(slots=True)
class CreationBudget:
    """How many steps and tasks one transaction may still create, and what its expressions may cost.

    Lists in steps, and runs below runs, multiply: a definition of one page could ask for millions.
    """

    remaining: int = field(default_factory=lambda: MAX_CREATED)
    expressions: Budget = field(default_factory=make_inline_budget)
    may_defer: bool = True  # expressions beyond the budget are left to a worker

    def check(self, count: int, what: str) -> None:
        """Raises TooLarge when `count` more are too many."""
        if count > self.remaining:
            raise TooLarge(
                f"{what} would create more than {MAX_CREATED:,} steps and tasks at once."
            )


def open_run(
    workflow: Workflow, value: Any, creation_budget: CreationBudget | None = None, **fields: Any
) -> WorkflowRun:
    """A new run of the newest version, none of whose steps has started.

    Raises Invalid for an input that breaks the workflow's schema, TooLarge when the transaction
    creates too much.
    """
    version = get_version(workflow)
    definition = load_definition(version)
    if not isinstance(value, dict):
        raise Invalid(errors=[{"field": "input", "message": "A JSON object."}])
    value = check_input(definition, value)
    creation_budget = creation_budget or CreationBudget()
    creation_budget.check(len(definition.steps), f"The run of {workflow.name!r}")
    creation_budget.remaining -= len(definition.steps)
    run = WorkflowRun(
        workspace_id=workflow.workspace_id,
        workflow=workflow,
        version=version,
        state=RunState.RUNNING,
        input=value,
        steps_total=len(definition.steps),
        created_at=now(),
        **fields,
    )
    steps = [
        RunStep(
            run_id=run.id,
            key=step.key,
            position=position,
            state=StepState.PENDING,
            waits_for=len(step.depends_on),
            is_list=step.for_each is not None,
        )
        for position, step in enumerate(definition.steps)
    ]
    transitions.insert_run(run, steps)
    return run
