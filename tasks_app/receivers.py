"""Reactions to the beginning and the end of nodes, and to the end of slots.

Every process connects them, and only workers and dispatchers get any: what a reaction needs is
imported then, so that a short command starts without it.
"""

from typing import TYPE_CHECKING, Any

from celery.signals import import_modules
from django.dispatch import receiver

from workers.signals import agent_pass, node_lost, node_registered, node_stopped, slot_lost

if TYPE_CHECKING:
    from workers.runtime import Runtime
    from workers.slots import Slot


@receiver(agent_pass)
def on_agent_pass(runtime: "Runtime", slots: "list[Slot]", **_: Any) -> None:
    from tasks_app.services.supervision import supervise

    supervise(runtime, slots)


@receiver(slot_lost)
def on_slot_lost(node_id: int, slot: "Slot", **_: Any) -> None:
    from tasks_app.services.rescue import settle_slot

    settle_slot(node_id, slot)


@receiver(node_registered)
def on_node_registered(node_id: int, **_: Any) -> None:
    from tasks_app.services.declarations import publish_declarations

    publish_declarations(node_id)


@receiver(node_stopped)
def on_node_stopped(node_id: int, **_: Any) -> None:
    from tasks_app.services.declarations import note_end_of_declarer
    from tasks_app.services.rescue import release_node

    note_end_of_declarer(node_id)
    release_node(node_id)


@receiver(node_lost)
def on_node_lost(node_id: int, **_: Any) -> None:
    from tasks_app.services.declarations import note_end_of_declarer
    from tasks_app.services.rescue import rescue_node

    note_end_of_declarer(node_id)
    rescue_node(node_id)


@import_modules.connect
def share_between_processes(**_: Any) -> None:
    """A worker imports it before it forks."""
    import tasks_app.services.rescue
    import tasks_app.services.supervision  # noqa: F401
