"""Scaling events as a file."""

from controlplane.workspaces.exporting import ExportedList, register
from scaling.queries.events import EventFilter, list_events, with_launches
from scaling.resources import Event

EVENTS = ExportedList(
    name="scaling-events",
    noun="scaling event",
    path="health/scaling-events/export",
    tag="auto-scaling",
    resource="health",
    schema=Event,
    filter=EventFilter,
    rows=lambda selected: list_events(selected.wanted),
    prepare=lambda rows: with_launches(rows.prefetch_related(None)),
    is_of_workspace=False,
)

register(EVENTS)
