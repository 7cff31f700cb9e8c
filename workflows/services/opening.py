"""New runs, and how much one transaction may make."""

from dataclasses import dataclass, field
from typing import Any

from controlplane.core.clock import now
from controlplane.core.errors import Invalid, TooLarge
from workflows import transitions
from workflows.definitions import check_input, load_definition
from workflows.language import Budget
from workflows.models import RunStep, Workflow, WorkflowRun
from workflows.selectors import get_version
from workflows.selectors.scopes import inline_budget
from workflows.states import RunState, StepState

MOST_AT_ONCE = 200_000  # steps and tasks that one transaction may make


@dataclass(slots=True)
class Allowance:
    """How many steps and tasks one transaction may still make, and what its expressions may cost:
    lists in steps, and runs below runs, multiply, and a definition of a page could ask for
    millions."""

    left: int = field(default_factory=lambda: MOST_AT_ONCE)
    budget: Budget = field(default_factory=inline_budget)
    may_defer: bool = True  # what the budget does not allow is left to a worker

    def check(self, count: int, what: str) -> None:
        """Raises TooLarge when it is used up."""
        if count > self.left:
            raise TooLarge(f"{what} would make more than {MOST_AT_ONCE} steps and tasks at once.")


def open_run(
    workflow: Workflow, value: Any, allowance: Allowance | None = None, **fields: Any
) -> WorkflowRun:
    """A new run of the newest version, none of whose steps has started.

    Raises Invalid for an input that breaks the workflow's schema, TooLarge when the transaction
    makes too much.
    """
    version = get_version(workflow)
    definition = load_definition(version)
    if not isinstance(value, dict):
        raise Invalid(errors=[{"field": "input", "message": "A JSON object."}])
    value = check_input(definition, value)
    allowance = allowance or Allowance()
    allowance.check(len(definition.steps), f"The run of {workflow.name!r}")
    allowance.left -= len(definition.steps)
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
