"""Live topic: scaling."""

from uuid import UUID

from controlplane.core.schema import field_names, represent, represent_row
from controlplane.live.changes import Snapshot
from controlplane.live.topics import WATCHER, Topic, register, rows
from scaling.queries.events import list_events
from scaling.queries.status import read_status
from scaling.resources import Event, Status

EVENTS_SHOWN = 20

_STATUS_FIELDS = tuple(name for name in field_names(Status) if name != "newestEvent")


def read_scaling(_workspace_id: UUID, _key: str) -> Snapshot:
    """The state of the fleet and of the control loop, and the newest decisions that changed
    something, newest first. All workspaces share the fleet."""
    return {
        "status": represent(Status, read_status(), WATCHER, fields=_STATUS_FIELDS),
        "events": rows(
            (event.id, represent_row(Event, event, WATCHER))
            for event in list_events()[:EVENTS_SHOWN]
        ),
    }


register(Topic("scaling", read=read_scaling, resource="auto-scaling", every_seconds=2))
