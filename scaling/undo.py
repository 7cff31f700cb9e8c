"""Undo of what people change about the pool: its configuration, the manual number of workers."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.dateparse import parse_datetime

from controlplane.core.clock import now
from controlplane.core.errors import Conflict
from controlplane.core.requests import current_reason
from controlplane.core.undo import ActAs, Undone, register_undo
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.states import Role
from scaling.configuration import change_configuration, lock_pool
from scaling.models import Pool, ScalingEvent
from scaling.overrides import release_override, set_override
from scaling.queries.pool import read_pool


def configuration_change(before: Pool, after: Pool, workspace_id: UUID) -> dict[str, Any]:
    """What `undo_configuration` needs. A value that came from the environment was None."""
    names = sorted(before.overrides.keys() | after.overrides.keys())
    changed = [n for n in names if before.overrides.get(n) != after.overrides.get(n)]
    return {
        "workspace": str(workspace_id),
        "before": {name: before.overrides.get(name) for name in changed},
        "version": after.version,
    }


@transaction.atomic
def configure_with_undo(
    changes: Mapping[str, Any], *, workspace_id: UUID, actor: Actor, seen_version: int | None = None
) -> tuple[Pool, dict[str, Any] | None]:
    """Change the configuration as the service does. Returns the pool with what
    `undo_configuration` needs; None if nothing was changed."""
    before = lock_pool()
    after = change_configuration(
        changes, workspace_id=workspace_id, actor=actor, seen_version=seen_version
    )
    is_changed = before.version != after.version
    return after, configuration_change(before, after, workspace_id) if is_changed else None


@transaction.atomic
def scale_with_undo(*, workspace_id: UUID, **asked: Any) -> tuple[ScalingEvent, dict[str, Any]]:
    """Set the number of workers as the service does. Returns the event with what `undo_override`
    needs."""
    before = lock_pool()
    event = set_override(workspace_id=workspace_id, **asked)
    return event, override_change(before, workspace_id)


@transaction.atomic
def release_with_undo(*, workspace_id: UUID, actor: Actor) -> dict[str, Any] | None:
    """End the override as the service does. Returns what `undo_override` needs; None if there was
    none."""
    before = lock_pool()
    release_override(workspace_id=workspace_id, actor=actor)
    return None if before.manual_workers is None else override_change(before, workspace_id)


@register_undo("scaling-configuration", scope="auto-scaling:write")
def undo_configuration(act_as: ActAs, values: dict[str, Any]) -> Undone:
    """The earlier values, unless somebody has changed the configuration since."""
    workspace_id = UUID(values["workspace"])
    change_configuration(
        values["before"],
        workspace_id=workspace_id,
        actor=act_as(workspace_id, Role.ADMIN),
        seen_version=values["version"],
    )
    return Undone("Undone: the earlier configuration is in force.")


def override_values(pool: Pool) -> dict[str, Any]:
    """The manual number of workers, and until when."""
    until = pool.manual_until
    return {"workers": pool.manual_workers, "until": until and until.isoformat()}


def override_change(before: Pool, workspace_id: UUID) -> dict[str, Any]:
    """What `undo_override` needs, after the change."""
    return {
        "workspace": str(workspace_id),
        "before": override_values(before),
        "after": override_values(read_pool()),
    }


@register_undo("scaling-override", scope="auto-scaling:write")
@transaction.atomic
def undo_override(act_as: ActAs, values: dict[str, Any]) -> Undone:
    """The earlier override for the rest of its time, or none."""
    workspace_id = UUID(values["workspace"])
    actor = act_as(workspace_id)
    if override_values(lock_pool()) != values["after"]:
        raise Conflict("The number of workers has been set by somebody else since, or has expired.")
    before = values["before"]
    seconds = _seconds_left(before["until"])
    if before["workers"] is None or (seconds is not None and seconds < 1):
        release_override(workspace_id=workspace_id, actor=actor)
        return Undone("Undone: the strategy decides the number of workers again.")
    event = set_override(
        workers=before["workers"],
        reason=current_reason(),
        hold_seconds=seconds,
        workspace_id=workspace_id,
        actor=actor,
    )
    return Undone(f"Undone. {event.sentence}")


def _seconds_left(until: str | None) -> float | None:
    """None: until it is released."""
    found: datetime | None = parse_datetime(until) if until else None
    return None if found is None else (found - now()).total_seconds()
