"""Triggering with an idempotency key."""

from uuid import UUID

from django.db import transaction

from controlplane.core.errors import NotFound
from controlplane.schedules.models import Firing
from controlplane.schedules.services.manual import trigger_schedule
from controlplane.workspaces.actors import Actor
from tasks_app.services import hash_body, store_or_get_response


class _UsedError(Exception):
    """The key has an answer already; raised to undo the firing that would have been another one."""

    def __init__(self, firing_id: str) -> None:
        self.firing_id = UUID(firing_id)


def trigger_once(
    *, workspace_id: UUID, schedule_id: UUID, actor: Actor, key: str | None = None
) -> tuple[Firing, bool]:
    """Fire at once, and whether that was new: the same key gives the first firing again.

    Raises NotFound, Conflict when the key was used for something else, Invalid for a bad key.
    """
    try:
        with transaction.atomic():
            firing = trigger_schedule(
                workspace_id=workspace_id, schedule_id=schedule_id, actor=actor
            )
            if key is not None:
                _keep(workspace_id, schedule_id, key, firing)
            return firing, True
    except _UsedError as used:
        first = Firing.objects.filter(
            workspace_id=workspace_id, schedule_id=schedule_id, id=used.firing_id
        ).first()
    if first is None:
        raise NotFound("What this idempotency key started has been removed.")
    return first, False


def _keep(workspace_id: UUID, schedule_id: UUID, key: str, firing: Firing) -> None:
    first = store_or_get_response(
        workspace_id=workspace_id,
        key=key,
        body_hash=hash_body("trigger", schedule_id),
        answer={"id": str(firing.id)},
    )
    if first is not None:
        raise _UsedError(first["id"])
