"""The manual override: a number of workers that a person sets instead of the strategy."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from controlplane.core.clock import now
from controlplane.core.errors import Conflict, FieldError, Invalid
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.services import record_audit
from scaling import sentences, transitions
from scaling.configuration import lock_pool
from scaling.decisions import MANUAL, Plan
from scaling.models import Pool, ScalingEvent
from scaling.queries.pool import (
    AUTOSCALER,
    get_backend,
    get_manual_override,
    get_sound_configuration,
)
from scaling.schema import (
    DEFAULT_HOLD_SECONDS,
    MAX_HOLD_SECONDS,
    MAX_REASON_LENGTH,
    Configuration,
)
from scaling.states import EventState, Trigger
from scaling.strategies import Decision
from tasks_app.queries.engine_health import view_leader

_COLUMNS = ("manual_workers", "manual_until", "manual_by")


@dataclass(frozen=True, slots=True)
class ActiveOverride:
    """An override in force; `event` is set until the loop has applied it."""

    workers: int
    by: str
    event: ScalingEvent | None


@transaction.atomic
def set_override(
    *,
    workers: int,
    reason: str,
    hold_seconds: float | None = DEFAULT_HOLD_SECONDS,
    workspace_id: UUID,
    actor: Actor,
) -> ScalingEvent:
    """Set a number of workers; the loop applies it within about a second. It is in force for
    `hold_seconds`, or until it is released if they are None or auto-scaling is off. The fleet
    serves all workspaces; `workspace_id` is the workspace whose audit log records it. Raises:
    Conflict: the loop does not run, or the configuration contradicts itself. Invalid: the number is
    outside the limits, there is no reason, or it lasts too long.
    """
    text = _check_reason(reason)
    _check_hold(hold_seconds)
    if not view_leader(AUTOSCALER).leads:
        raise Conflict(
            "The autoscaler does not run, so nothing would follow the override: start "
            "`manage.py autoscale`, then set it again."
        )
    pool = lock_pool()
    configuration = get_sound_configuration(pool)
    _check_limits(workers, configuration)
    at = now()
    until_released = hold_seconds is None or not configuration.enabled
    pool.manual_workers = workers
    pool.manual_until = None if until_released else at + timedelta(seconds=hold_seconds or 0)
    pool.manual_by = actor.label
    pool.save(update_fields=_COLUMNS)
    _supersede(pool, sentences.OVERRIDE_REPLACED)
    event = _record(pool, workers, text, at=at, workspace_id=workspace_id, actor=actor)
    detail = {
        "from": event.from_workers,
        "to": workers,
        "reason": text,
        "holdSeconds": None if until_released else hold_seconds,
        "event": str(event.id),
    }
    record_audit(workspace_id, actor, "scaling.scale", "pool", pool.name, detail)
    return event


@transaction.atomic
def release_override(*, workspace_id: UUID, actor: Actor) -> Pool:
    """End the override, so that the strategy decides again. Without one nothing changes; one that
    the loop has not applied never takes effect."""
    pool = lock_pool()
    override = get_manual_override(pool)
    if pool.manual_workers is None:
        return pool
    _clear(pool)
    pool.save(update_fields=_COLUMNS)
    _supersede(pool, sentences.override_released(actor.label))
    if override is not None:
        detail = {"workers": override.workers, "by": override.by}
        record_audit(workspace_id, actor, "scaling.release", "pool", pool.name, detail)
    return pool


def find_override(pool: Pool) -> ActiveOverride | None:
    """The override in force. One that has expired is removed from the pool."""
    if pool.manual_workers is None:
        return None
    active = get_manual_override(pool)
    if active is None:
        _expire(pool)
        return None
    waiting = ScalingEvent.objects.filter(pool=pool, state=EventState.WAITING)
    return ActiveOverride(active.workers, active.by, waiting.order_by("-id").first())


def override_plan(override: ActiveOverride, decision: Decision, unmanaged: int) -> Plan:
    """Apply the override, or restore its number after workers were added or lost. The strategy's
    decision is also recorded, for comparison."""
    workers = decision.demand.workers
    # A limit that was lowered since wins.
    desired = decision.settings.clamp(override.workers)
    sentence = sentences.override_followed(
        workers,
        desired,
        override.workers,
        override.by,
        maximum=decision.settings.max_workers,
        unmanaged=unmanaged,
    )
    return Plan(
        current=workers,
        desired=desired,
        sentence=sentence,
        rule=MANUAL,
        recommended=override.workers,
        trigger=Trigger.PERSON,
        actor_label=override.by,
        inputs={"instead": decision.to_json()},
    )


@transaction.atomic
def _expire(pool: Pool) -> None:
    """Remove only the override that this process has read: a newer one stays."""
    expired = Pool.objects.filter(
        Q(manual_until=pool.manual_until), name=pool.name, manual_workers=pool.manual_workers
    )
    # This locks the row: a newer override is set after this transaction.
    if expired.update(manual_workers=None, manual_until=None, manual_by=""):
        _supersede(pool, sentences.OVERRIDE_EXPIRED)
    _clear(pool)


def _clear(pool: Pool) -> None:
    pool.manual_workers, pool.manual_until, pool.manual_by = None, None, ""


def _record(
    pool: Pool, workers: int, reason: str, *, workspace_id: UUID, actor: Actor, **columns: Any
) -> ScalingEvent:
    before = pool.ready + pool.starting
    event: ScalingEvent = ScalingEvent.objects.create(
        pool=pool,
        trigger=Trigger.PERSON.value,
        backend=get_backend(pool),
        rule=MANUAL,
        from_workers=before,
        recommended_workers=workers,
        to_workers=workers,
        sentence=sentences.override_set(before, workers, actor.label, reason),
        inputs={"reason": reason},
        config_version=pool.version,
        actor_kind=actor.kind,
        actor_id=actor.id,
        actor_label=actor.label,
        workspace_id=workspace_id,
        state=EventState.WAITING.value,
        **columns,
    )
    return event


def _supersede(pool: Pool, outcome: str) -> None:
    waiting = ScalingEvent.objects.filter(pool=pool, state=EventState.WAITING)
    for event_id in waiting.values_list("id", flat=True):
        transitions.move_event(event_id, EventState.SUPERSEDED, outcome=outcome)


def _check_reason(reason: Any) -> str:
    text = " ".join(reason.split()) if isinstance(reason, str) else ""
    if not 0 < len(text) <= MAX_REASON_LENGTH or "\x00" in text:
        raise _invalid(
            "reason", f"It must have 1 to {MAX_REASON_LENGTH} characters, and no NUL character."
        )
    return text


def _check_hold(hold_seconds: float | None) -> None:
    if hold_seconds is not None and not 1 <= hold_seconds <= MAX_HOLD_SECONDS:
        raise _invalid(
            "holdSeconds",
            f"It must be from 1 to {MAX_HOLD_SECONDS}, or null to hold until it is released.",
        )


def _check_limits(workers: int, configuration: Configuration) -> None:
    minimum, maximum = configuration.min_workers, configuration.max_workers
    if not minimum <= workers <= maximum:
        raise _invalid(
            "workers",
            f"It must be from {minimum} (minWorkers) to {maximum} (maxWorkers); change the limits "
            "at /auto-scaling/config.",
        )


def _invalid(field: str, message: str) -> Invalid:
    return Invalid(errors=[FieldError(field=field, message=message)])
