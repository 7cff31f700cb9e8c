"""A person fires a schedule."""

from uuid import UUID

from django.db import transaction

from controlplane.core.clock import now
from controlplane.schedules import transitions
from controlplane.schedules.models import Firing
from controlplane.schedules.services.guards import require_start
from controlplane.schedules.services.locks import lock_schedule
from controlplane.schedules.services.starting import new_celery_id, start
from controlplane.schedules.states import FiringKind, FiringState
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.services import record_audit


@transaction.atomic
def trigger_schedule(*, workspace_id: UUID, schedule_id: UUID, actor: Actor) -> Firing:
    """Fire at once, whatever the overlap rule says, also while it is paused.

    A plain Celery task is sent within about a second. What cannot be submitted gives a FAILED
    firing that says why. Raises NotFound, and Forbidden when the actor's key could not start by
    itself what the schedule starts.
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
        detail=f"{actor.label} triggered it.",
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
