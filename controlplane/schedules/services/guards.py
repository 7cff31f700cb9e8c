"""What an actor may do to a schedule."""

from collections.abc import Collection
from uuid import UUID

from controlplane.core.errors import Conflict
from controlplane.schedules.models import Schedule
from controlplane.schedules.states import Source
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.rights import RUN_WORKFLOWS, SUBMIT_TASKS, require_scopes

# Instead of a hash: the declaration has gone, and whether a person had paused the schedule before.
GONE, GONE_PAUSED = "gone", "gone, was paused"
_PERSONS_MATTER = {"enabled"}


def require_start(actor: Actor, workflow_id: UUID | None) -> None:
    """Raises Forbidden when the actor's key could not start by itself what the schedule starts."""
    require_scopes(actor, SUBMIT_TASKS, *([] if workflow_id is None else [RUN_WORKFLOWS]))


def refuse_code_changes(schedule: Schedule, changes: Collection[str]) -> None:
    """Raises Conflict for a declared schedule, unless it is only paused or resumed."""
    if schedule.source == Source.CODE and not set(changes) <= _PERSONS_MATTER:
        raise Conflict(
            f"This schedule is declared in {module_of(schedule)}; change it there. "
            "It can be paused and resumed."
        )


def refuse_code_removal(schedule: Schedule) -> None:
    """Raises Conflict for a schedule that is still declared."""
    if schedule.source == Source.CODE and schedule.code_hash not in (GONE, GONE_PAUSED):
        raise Conflict(
            f"This schedule is declared in {module_of(schedule)}; remove it there, or pause it."
        )


def module_of(schedule: Schedule) -> str:
    """The module that declares, or declared, it."""
    return str(schedule.code_name.partition(":")[0])
