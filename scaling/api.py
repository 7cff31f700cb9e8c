"""The HTTP API of auto-scaling."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiExample

from controlplane.core.http.verbs import Listed, Views, verb
from controlplane.workspaces.idempotent_calls import idempotent
from controlplane.workspaces.permissions import WorkspaceRequest
from controlplane.workspaces.undo import offer_undo
from scaling.configuration import check_changes
from scaling.decisions import read_metric
from scaling.queries.events import EventFilter, get_event, list_events
from scaling.queries.pool import describe_configuration, get_sound_configuration, read_pool
from scaling.queries.status import read_status
from scaling.resources import (
    Changes,
    ConfigurationChange,
    Event,
    EventDetail,
    Metric,
    ScaleRequest,
    ScalingConfiguration,
    Status,
)
from scaling.undo import configure_with_undo, release_with_undo, scale_with_undo
from tasks_app.queries import in_bounded_time

_CONFIGURATION_EXAMPLES = [
    OpenApiExample("Other limits", value={"minWorkers": 2, "maxWorkers": 20}, request_only=True),
    OpenApiExample(
        "Back to the environment's value", value={"maxWorkers": None}, request_only=True
    ),
]
_SCALE_EXAMPLES = [
    OpenApiExample(
        "For an hour",
        value={"workers": 8, "reason": "The sale begins at noon.", "holdSeconds": 3600},
        request_only=True,
    )
]


def _find_event(_request: WorkspaceRequest, event_id: UUID) -> Any:
    return get_event(event_id)


def _check_changes(request: WorkspaceRequest, body: Changes) -> None:
    check_changes(body.values)


class Fleet(Views):
    """The fleet, which serves all workspaces, and its configuration."""

    tag = "auto-scaling"

    @verb(
        "GET",
        "auto-scaling/config",
        name="scaling_config_retrieve",
        summary="Show the configuration",
        returns=ScalingConfiguration,
        errors=(409,),
    )
    def show_configuration(self, request: WorkspaceRequest) -> Any:
        """The values in force, and the source of each. 409 when changed values no longer fit the
        environment; the error says what to change."""
        pool = read_pool()
        get_sound_configuration(pool)
        return describe_configuration(pool)

    @verb(
        "POST",
        "auto-scaling/config",
        name="scaling_config_change",
        summary="Change the configuration",
        body=ConfigurationChange,
        check=_check_changes,
        examples=_CONFIGURATION_EXAMPLES,
        returns=ScalingConfiguration,
        errors=(422,),
        role="admin",
    )
    def change_configuration(self, request: WorkspaceRequest, body: Changes) -> Any:
        """Change some values for the whole installation; null resets a value to that of the
        environment. The loop applies them within about a second. Needs the role admin."""
        pool, undone = configure_with_undo(
            body.values, workspace_id=request.workspace.id, actor=request.actor
        )
        if undone is not None:
            offer_undo(request, "scaling-configuration", undone)
        return describe_configuration(pool)

    @verb(
        "GET",
        "auto-scaling/metric",
        name="scaling_metric",
        summary="Show the number of workers for an external scaler",
        returns=Metric,
        errors=(409,),
    )
    def metric(self, request: WorkspaceRequest) -> Any:
        """The number of desired workers, for KEDA, an HPA or another scaler: 0 if no task waits,
        runs or is expected; never empty. While no loop runs, each call makes a decision."""
        return {"value": read_metric()}

    @verb(
        "POST",
        "auto-scaling/release",
        name="scaling_release",
        summary="End the manual override",
        returns=Status,
    )
    def release(self, request: WorkspaceRequest) -> Any:
        """End the manual override, so that the strategy decides again."""
        undone = release_with_undo(workspace_id=request.workspace.id, actor=request.actor)
        if undone is not None:
            offer_undo(request, "scaling-override", undone)
        return read_status()

    @verb(
        "POST",
        "auto-scaling/scale",
        name="scaling_scale",
        summary="Set the number of workers by hand",
        body=ScaleRequest,
        examples=_SCALE_EXAMPLES,
        returns={202: EventDetail, 200: EventDetail},
        errors=(409, 422),
    )
    @idempotent(_find_event)
    def scale(self, request: WorkspaceRequest, body: ScaleRequest) -> UUID:
        """Set a number of workers, for the whole installation. The response is the event, which
        records the result. 409 while the autoscaler does not run."""
        event, undone = scale_with_undo(
            workers=body.workers,
            reason=body.reason,
            hold_seconds=body.hold_seconds,
            workspace_id=request.workspace.id,
            actor=request.actor,
        )
        offer_undo(request, "scaling-override", undone)
        return event.id

    @verb(
        "GET",
        "auto-scaling/status",
        name="scaling_status",
        summary="Show the fleet and the control loop",
        returns=Status,
    )
    def status(self, request: WorkspaceRequest) -> Any:
        """The desired, ready, starting and draining workers, whether the loop runs, the manual
        override, the problem, if any, and the newest event."""
        return read_status()


class Events(Views):
    """Scaling events."""

    tag = "auto-scaling"

    @verb(
        "GET",
        "health/scaling-events",
        name="scaling_events_list",
        summary="List scaling events",
        query=EventFilter,
        returns=Listed(Event, {"at": "id"}, "-at"),
        errors=(422,),
    )
    def list(self, request: WorkspaceRequest, query: EventFilter) -> Any:
        """Decisions on the number of workers, newest first. Those that changed nothing are kept for
        six hours, and listed with `unchanged=true` or `state=UNCHANGED`."""
        with in_bounded_time(narrow_by="since and until"):
            return self.page(list_events(query))

    @verb(
        "GET",
        "health/scaling-events/<uuid:id>",
        name="scaling_events_retrieve",
        summary="Show a scaling event",
        returns=EventDetail,
        errors=(404,),
    )
    def retrieve(self, request: WorkspaceRequest, id: UUID) -> Any:  # noqa: A002 - the name in the API
        """The decision with the measurements, the settings, and the predicted waits."""
        return get_event(id)
