"""Sub-workflows are looked up when a definition is stored, and kept from going away afterwards.

A name that only a run can tell, since it is a template, is looked up by the run.
"""

import difflib
from uuid import UUID

from django.db import connection

from controlplane.core.errors import Conflict
from controlplane.core.ids import uuid7
from controlplane.core.names import canonical_name
from workflows.checks import Problems
from workflows.definitions import Definition, SubWorkflow
from workflows.graphs import show_cycle
from workflows.models import Workflow
from workflows.selectors.references import Caller, CallGraph, list_callers
from workflows.services.course import DEEPEST

_SHOWN = 5  # callers that an error names


def lock_references(workspace_id: UUID) -> None:
    """Let definitions of a workspace change one after the other until the transaction ends: two
    that are stored at once could run each other."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [str(workspace_id)])


def check_sub_workflows(
    workspace_id: UUID, name: str, definition: Definition, workflow_id: UUID | None = None
) -> None:
    """Raises Invalid for steps that run a workflow that does not exist, or that would run this one
    again, or whose runs would stand too deep below each other.

    Without an id, the definition is that of the workflow of this name, if there is one.
    """
    if not definition.sub_workflows:
        return
    callers = list_callers(workspace_id)
    own = Caller(
        workflow_id or next((each.id for each in callers if each.name == name), uuid7()),
        name,
        [sub.workflow for sub in definition.sub_workflows],
    )
    graph = CallGraph([*(each for each in callers if each.id != own.id), own])
    problems = Problems()
    for sub in definition.sub_workflows:
        message = _explain(graph, own, sub)
        if message is not None:
            field = f"tasks[{sub.number}].payload.workflow"
            problems.add(field, f"Step {sub.key!r}: {message}")
    problems.raise_if_any()


def refuse_orphans(workflow: Workflow, *, new_name: str | None = None) -> None:
    """Raises Conflict when others run this workflow, which is to be deleted; with `new_name`, when
    they name it by the name that it is to lose."""
    if new_name == workflow.name:
        return
    graph = CallGraph(list_callers(workflow.workspace_id))
    if new_name is None:
        callers, verb = graph.callers_of(workflow.id), "deleted"
    else:
        callers, verb = graph.callers_by_name(workflow.id), "renamed"
    names = sorted(caller.name for caller in callers if caller.id != workflow.id)
    if not names:
        return
    shown = ", ".join(map(repr, names[:_SHOWN])) + (", …" if len(names) > _SHOWN else "")
    raise Conflict(
        f"The workflow {workflow.name!r} cannot be {verb}: it is run by {shown}. Change their "
        "steps first."
    )


def _explain(graph: CallGraph, own: Caller, sub: SubWorkflow) -> str | None:
    target = graph.resolve(sub.workflow)
    if target is None:
        near = difflib.get_close_matches(canonical_name(sub.workflow), graph.names, n=1)
        hint = f" Did you mean {near[0]!r}?" if near and near[0] != own.name else ""
        return f"There is no workflow {sub.workflow[:200]!r}.{hint}"
    if target == own.id:
        return "A workflow cannot run itself."
    path = graph.find_path(target, own.id)
    if path is not None:
        return f"These workflows would run each other: {show_cycle([own.name, *path[:-1]])}."
    limit = DEEPEST + 1
    depth = graph.levels_above(own.id, limit) + 1 + graph.levels_below(target, limit)
    if depth > DEEPEST:
        return f"At most {DEEPEST} runs may stand below each other; these would be more."
    return None
