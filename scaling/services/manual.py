"""A person says how many workers there are to be."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction

from controlplane.core.clock import now
from controlplane.core.errors import Conflict, FieldError, Invalid
from controlplane.core.ids import uuid7
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.services import record_audit
from scaling import transitions
from scaling.configuration import Configuration
from scaling.models import Pool, ScalingEvent
from scaling.selectors.events import get_event
from scaling.selectors.pool import get_backend, get_manual_order, get_sound_configuration
from scaling.services.configuration import lock_pool
from scaling.services.recording import MANUAL
from scaling.states import EventState, Trigger
from tasks_app.selectors.engine_health import AUTOSCALER, view_leader
from tasks_app.services import hash_body, store_or_get_response

LONGEST_REASON = 2_000
DEFAULT_HOLD_SECONDS = 300
LONGEST_HOLD_SECONDS = 604_800
_COLUMNS = ("manual_workers", "manual_until", "manual_by")


@transaction.atomic
def order_workers(
    *,
    workers: int,
    reason: str,
    hold_seconds: float | None = DEFAULT_HOLD_SECONDS,
    workspace_id: UUID,
    actor: Actor,
    event_id: UUID | None = None,
) -> ScalingEvent:
    """Order a number of workers; the loop takes the event up within about a second. It holds for
    `hold_seconds`; without them, and while auto-scaling is off, until it is released. The fleet
    serves all workspaces; `workspace_id` is the one in whose name it is done, and audited.

    Raises:
        Conflict: the loop does not run, or the configuration contradicts itself.
        Invalid: the number is outside of the limits, no reason is given, the hold is too long.
    """
    text = _check_reason(reason)
    _check_hold(hold_seconds)
    if not view_leader(AUTOSCALER).leads:
        raise Conflict(
            "The autoscaler does not run, so nobody would carry it out: start "
            "`manage.py autoscale`, then order again."
        )
    pool = lock_pool()
    configuration = get_sound_configuration(pool)
    _check_limits(workers, configuration)
    at = now()
    holds_on = hold_seconds is None or not configuration.enabled
    pool.manual_workers = workers
    pool.manual_until = None if holds_on else at + timedelta(seconds=hold_seconds or 0)
    pool.manual_by = actor.label
    pool.save(update_fields=_COLUMNS)
    _supersede(pool, "Another order came before it was taken up.")
    event = _record(
        pool, workers, text, id=event_id or uuid7(), at=at, workspace_id=workspace_id, actor=actor
    )
    record_audit(
        workspace=workspace_id,
        actor=actor,
        action="scaling.scale",
        target_type="pool",
        target_id=pool.name,
        detail={
            "from": event.from_workers,
            "to": workers,
            "reason": text,
            "holdSeconds": None if holds_on else hold_seconds,
            "event": str(event.id),
        },
    )
    return event


@transaction.atomic
def order_workers_once(
    *,
    workers: int,
    reason: str,
    hold_seconds: float | None,
    workspace_id: UUID,
    actor: Actor,
    key: str | None,
) -> tuple[ScalingEvent, bool]:
    """The event of the order, and whether this call made it: not when the key did before.

    Raises what `order_workers` raises, and Conflict for a key used with another body.
    """
    event_id = uuid7()
    if key is not None:
        first = store_or_get_response(
            workspace_id=workspace_id,
            key=key,
            body_hash=hash_body("scaling.scale", workers, reason, hold_seconds),
            answer={"eventId": str(event_id)},
        )
        if first is not None:
            return get_event(UUID(first["eventId"])), False
    event = order_workers(
        workers=workers,
        reason=reason,
        hold_seconds=hold_seconds,
        workspace_id=workspace_id,
        actor=actor,
        event_id=event_id,
    )
    return event, True


@transaction.atomic
def release_workers(*, workspace_id: UUID, actor: Actor) -> Pool:
    """End what a person ordered: from now on the strategy decides. Without an order nothing
    changes; an order that the loop has not taken up is never carried out."""
    pool = lock_pool()
    order = get_manual_order(pool)
    if pool.manual_workers is None:
        return pool
    pool.manual_workers, pool.manual_until, pool.manual_by = None, None, ""
    pool.save(update_fields=_COLUMNS)
    _supersede(pool, f"{actor.label} released it before it was taken up.")
    if order is not None:
        record_audit(
            workspace=workspace_id,
            actor=actor,
            action="scaling.release",
            target_type="pool",
            target_id=pool.name,
            detail={"workers": order.workers, "by": order.by},
        )
    return pool


def _record(
    pool: Pool, workers: int, reason: str, *, workspace_id: UUID, actor: Actor, **columns: Any
) -> ScalingEvent:
    before = pool.ready + pool.starting
    change = f"{before} → {workers}" if before != workers else f"{before}"
    event: ScalingEvent = ScalingEvent.objects.create(
        pool=pool,
        trigger=Trigger.PERSON.value,
        backend=get_backend(pool),
        rule=MANUAL,
        from_workers=before,
        wish=workers,
        to_workers=workers,
        sentence=f"{change} workers, ordered by {actor.label}: {_ended(reason)}",
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


def _ended(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _check_reason(reason: Any) -> str:
    text = " ".join(reason.split()) if isinstance(reason, str) else ""
    if not 0 < len(text) <= LONGEST_REASON or "\x00" in text:
        raise _invalid("reason", f"A reason of 1 to {LONGEST_REASON} characters, without NUL.")
    return text


def _check_hold(hold_seconds: float | None) -> None:
    if hold_seconds is not None and not 1 <= hold_seconds <= LONGEST_HOLD_SECONDS:
        raise _invalid(
            "holdSeconds",
            f"From 1 to {LONGEST_HOLD_SECONDS}, or null: until it is released.",
        )


def _check_limits(workers: int, configuration: Configuration) -> None:
    least, most = configuration.min_workers, configuration.max_workers
    if not least <= workers <= most:
        raise _invalid(
            "workers",
            f"From {least} (minWorkers) to {most} (maxWorkers); the limits are those of "
            "/auto-scaling/config.",
        )


def _invalid(field: str, message: str) -> Invalid:
    return Invalid(errors=[FieldError(field=field, message=message)])
