"""Firing a schedule by hand."""

from uuid import UUID

from django.db import transaction

from controlplane.core.clock import now
from controlplane.core.errors import NotFound
from controlplane.ops.schedules import transitions
from controlplane.ops.schedules.editing import require_start
from controlplane.ops.schedules.models import Firing
from controlplane.ops.schedules.queries import get_schedule
from controlplane.ops.schedules.refreshing import lock_schedule
from controlplane.ops.schedules.starting import new_celery_id, start
from controlplane.ops.schedules.states import FiringKind, FiringState
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.services import record_audit


@transaction.atomic
def trigger_schedule(*, workspace_id: UUID, schedule_id: UUID, actor: Actor) -> Firing:
    """Fire at once, even if the schedule is paused, and ignore the overlap rule.

    A plain Celery task is sent within about a second. A refusal gives a FAILED firing with its
    reason. Raises NotFound, and Forbidden when the actor's key may not start what the schedule
    starts.
    """
    schedule = lock_schedule(workspace_id, schedule_id)
    require_start(actor, schedule.workflow_id)
    at = now()
    firing = Firing(
        schedule=schedule,
        workspace_id=workspace_id,
        scheduled_for=at,
        kind=FiringKind.MANUAL.value,
        state=FiringState.QUEUED.value,
        detail=f"Triggered by {actor.label}.",
        celery_id=new_celery_id(schedule),
        triggered_by=actor.label,
        late_ms=0,
        decided_at=at,
    )
    transitions.insert_firings([firing])
    if not firing.celery_id:
        start(schedule, firing, at)
    record_audit(
        workspace=workspace_id,
        actor=actor,
        action="schedule.trigger",
        target_type="schedule",
        target_id=str(schedule_id),
        detail={"firing": str(firing.id)},
    )
    firing.refresh_from_db()
    return firing


def get_triggered(
    *, workspace_id: UUID, schedule_id: UUID, firing_id: UUID, actor: Actor
) -> Firing:
    """The firing that a call, or the first one under its idempotency key, started.

    Raises NotFound when it was removed, Forbidden when the actor's key could not have started it.
    """
    schedule = get_schedule(workspace_id, schedule_id)
    require_start(actor, schedule.workflow_id)
    firing = Firing.objects.filter(schedule=schedule, id=firing_id).first()
    if firing is None:
        raise NotFound("The firing that this idempotency key started was removed. Use a new key.")
    return firing
