"""What people say about a queue: changed, audited, and put back."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

from django.db import transaction

from controlplane.core.errors import Conflict, FieldError, Invalid, NotFound
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.services import record_audit
from tasks_app.declared_queues import declared_queues
from tasks_app.descriptors import Descriptor, find_faults
from tasks_app.models import Queue, QueueDescriptor
from tasks_app.queries.queue_descriptors import (
    DESCRIBE,
    describe_queue,
    find_last_description,
)


@transaction.atomic
def change_queue_descriptor(
    *, workspace_id: UUID, name: str, actor: Actor, changes: Mapping[str, str | None]
) -> Descriptor:
    """Change parts of the description of a queue; None or an empty text removes a part. When none
    is left, or all are as the settings say, those of the settings hold. Audited.

    Raises NotFound, Invalid.
    """
    queues = Queue.objects.select_for_update(of=("self",)).select_related("descriptor")
    queue = queues.filter(workspace_id=workspace_id, name=name).first()
    if queue is None:
        raise NotFound(f"There is no queue {name!r}.")
    before = describe_queue(queue)
    given = {field: (text or "").strip() for field, text in changes.items()}
    after = replace(before, **given)
    errors: list[FieldError] = [
        {"field": field, "message": rule} for field, rule in find_faults(after)
    ]
    if errors:
        raise Invalid(errors=errors)
    if after == before:
        return after
    if not after or after == declared_queues().get(name):
        QueueDescriptor.objects.filter(queue=queue).delete()
        after = declared_queues().get(name, Descriptor())
    else:
        QueueDescriptor.objects.update_or_create(queue=queue, defaults=after.to_json())
    detail = {"before": before.to_json(), "after": after.to_json()}
    record_audit(workspace_id, actor, DESCRIBE, "queue", name, detail)
    return after


@transaction.atomic
def undo_queue_descriptor(*, workspace_id: UUID, name: str, actor: Actor) -> Descriptor:
    """Put back what the last change of the descriptor replaced.

    Raises NotFound, and Conflict when nothing was changed.
    """
    event = find_last_description(workspace_id, name)
    if event is None:
        raise Conflict("Its description was never changed: there is nothing to undo.")
    before: dict[str, Any] = event.detail.get("before", {})
    return change_queue_descriptor(
        workspace_id=workspace_id, name=name, actor=actor, changes=Descriptor.of(before).to_json()
    )
