"""Why an action left tasks as they are."""

from collections import Counter
from collections.abc import Sequence
from uuid import UUID

from controlplane.core.formatting import format_count, format_state
from tasks_app.models import Task
from tasks_app.states import FINAL, TaskState

_WAYS = {
    "cancel": "not cancelled",
    "retry": "not retried",
    "reprioritize": "left at its priority",
}


def explain_unchanged(
    workspace_id: UUID, ids: Sequence[UUID], action: str, changed: Sequence[UUID]
) -> list[str]:
    """A sentence for each reason for which tasks of `ids` are not among the changed ones."""
    left = list(set(ids) - set(changed))
    if not left:
        return []
    tasks = Task.objects.filter(workspace_id=workspace_id, id__in=left)
    found = tasks.values_list("state", "workflow_run_id")
    reasons = Counter(_reason(action, TaskState(state), run is not None) for state, run in found)
    if missing := len(left) - reasons.total():
        reasons["no longer exists"] += missing
    return [
        f"{format_count(number, 'task')} {_WAYS[action]}: {reason}."
        for reason, number in reasons.most_common()
    ]


def _reason(action: str, state: TaskState, is_step: bool) -> str:
    word = format_state(state)
    if action == "cancel":
        return f"already {word}" if state in FINAL else f"{word} by now"
    if action == "reprioritize":
        is_waiting = state not in FINAL and state != TaskState.RUNNING
        return "it has this priority already" if is_waiting else f"only waiting tasks, not {word}"
    if state not in FINAL:
        return f"only ended tasks, not {word}"
    if is_step:
        return "a step of a workflow run, which is retried as a whole"
    return "it depends on a task that did not complete, which comes first"
