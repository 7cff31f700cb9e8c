"""A number of workers that a person ordered: as long as it holds, it is what is wanted."""

from dataclasses import dataclass

from django.db import transaction
from django.db.models import Q

from scaling import transitions
from scaling.models import Pool, ScalingEvent
from scaling.selectors.pool import get_manual_order
from scaling.services.mustering import Muster
from scaling.services.recording import MANUAL, Plan
from scaling.states import EventState, Trigger
from scaling.strategies import Decision


@dataclass(frozen=True, slots=True)
class Order:
    """An order in force; `event` is set as long as the loop has not taken it up."""

    workers: int
    by: str
    event: ScalingEvent | None


def find_order(pool: Pool) -> Order | None:
    """The order in force. One whose time is over is taken from the pool."""
    if pool.manual_workers is None:
        return None
    holding = get_manual_order(pool)
    if holding is None:
        _expire(pool)
        return None
    waiting = ScalingEvent.objects.filter(pool=pool, state=EventState.WAITING)
    return Order(holding.workers, holding.by, waiting.order_by("-id").first())


def order_plan(order: Order, decision: Decision, found: Muster) -> Plan:
    """To follow the order, or to keep to it when workers have come or gone since. The strategy's
    decision is recorded beside it: what would have been."""
    workers = decision.demand.workers
    # A limit that was lowered since wins.
    wanted = decision.settings.clamp(order.workers)
    sentence = f"{workers} → {wanted} workers: {order.by} ordered {order.workers}."
    if wanted == workers:
        sentence = f"{workers} workers stay: {order.by} ordered {order.workers}."
    if wanted < order.workers:
        sentence += f" The maximum is {decision.settings.max_workers}."
    elif wanted > order.workers:
        sentence += f" {found.fixed} of them are not this back-end's to stop."
    return Plan(
        now=workers,
        wanted=wanted,
        sentence=sentence,
        rule=MANUAL,
        wish=order.workers,
        trigger=Trigger.PERSON,
        actor_label=order.by,
        inputs={"instead": decision.to_json()},
    )


@transaction.atomic
def _expire(pool: Pool) -> None:
    """Only what this process has read: a newer order stays."""
    expired = Pool.objects.filter(
        Q(manual_until=pool.manual_until), name=pool.name, manual_workers=pool.manual_workers
    )
    # This locks the row, so no order comes meanwhile: who waits has waited for the one that ended.
    if expired.update(manual_workers=None, manual_until=None, manual_by=""):
        waiting = ScalingEvent.objects.filter(pool=pool, state=EventState.WAITING)
        for event_id in waiting.values_list("id", flat=True):
            said = "Its time was over before it could be carried out."
            transitions.move_event(event_id, EventState.SUPERSEDED, outcome=said)
    pool.manual_workers = pool.manual_until = None
    pool.manual_by = ""
