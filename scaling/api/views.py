"""The HTTP API of auto-scaling."""

from typing import ClassVar
from uuid import UUID

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import status
from rest_framework.response import Response

from controlplane.core.http.views import ApiView, ListView
from controlplane.workspaces.requests import WorkspaceRequest
from scaling.api.event_serializers import (
    EventDetailSerializer,
    EventQuerySerializer,
    EventSerializer,
    event_filter,
)
from scaling.api.serializers import (
    ConfigurationChangeSerializer,
    ConfigurationSerializer,
    MetricSerializer,
    ScaleRequestSerializer,
    StatusSerializer,
    represent_configuration,
)
from scaling.configuration import change_configuration, check_changes
from scaling.decisions import read_metric
from scaling.overrides import release_override, set_override_once
from scaling.queries.events import get_event, list_events
from scaling.queries.pool import get_sound_configuration, read_pool
from scaling.queries.status import read_status
from tasks_app.selectors import in_bounded_time
from tasks_app.serializers.parsing import one_key
from tasks_app.serializers.problems import problems
from tasks_app.views.base import FormView
from tasks_app.views.schema import IDEMPOTENCY_KEY

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


class StatusView(ApiView):
    """The status."""

    @extend_schema(
        tags=["auto-scaling"],
        operation_id="scaling_status",
        responses={200: StatusSerializer, **problems()},
    )
    def get(self, request: WorkspaceRequest) -> Response:
        """Desired, ready, starting and draining workers; whether the loop runs; the manual
        override; the problem, if any; the newest event."""
        return Response(StatusSerializer(read_status()).data)


class MetricView(ApiView):
    """The metric."""

    @extend_schema(
        tags=["auto-scaling"],
        operation_id="scaling_metric",
        responses={200: MetricSerializer, **problems(409)},
    )
    def get(self, request: WorkspaceRequest) -> Response:
        """Desired workers, for KEDA, an HPA or another scaler to follow: 0 when nothing waits, runs
        or is expected; never empty. While no loop runs it is decided at each call."""
        return Response(MetricSerializer({"value": read_metric()}).data)


class ConfigurationView(FormView):
    """The configuration."""

    required_roles: ClassVar = {"POST": "admin"}
    forms: ClassVar = {"POST": ConfigurationChangeSerializer}

    @extend_schema(
        tags=["auto-scaling"],
        operation_id="scaling_config_retrieve",
        responses={200: ConfigurationSerializer, **problems(409)},
    )
    def get(self, request: WorkspaceRequest) -> Response:
        """The values in force, and the source of each. 409 when changed values no longer fit the
        environment; the error says what to change."""
        pool = read_pool()
        get_sound_configuration(pool)
        return Response(represent_configuration(pool))

    @extend_schema(
        tags=["auto-scaling"],
        operation_id="scaling_config_change",
        request=ConfigurationChangeSerializer,
        examples=_CONFIGURATION_EXAMPLES,
        responses={200: ConfigurationSerializer, **problems(422)},
    )
    def post(self, request: WorkspaceRequest) -> Response:
        """Change some values, for the whole installation; null resets one to the environment's.
        The loop takes them up within about a second. Role admin."""
        pool = change_configuration(
            self.validated(ConfigurationChangeSerializer, check=check_changes),
            workspace_id=request.workspace.id,
            actor=request.actor,
        )
        return Response(represent_configuration(pool))


class ScaleView(FormView):
    """The manual override."""

    forms: ClassVar = {"POST": ScaleRequestSerializer}

    @extend_schema(
        tags=["auto-scaling"],
        operation_id="scaling_scale",
        parameters=[IDEMPOTENCY_KEY],
        request=ScaleRequestSerializer,
        examples=_SCALE_EXAMPLES,
        responses={202: EventDetailSerializer, 200: EventDetailSerializer, **problems(409, 422)},
    )
    def post(self, request: WorkspaceRequest) -> Response:
        """Set a number of workers, for the whole installation. The response is the event, which
        records the result. 409 while the autoscaler does not run."""
        values = self.validated(ScaleRequestSerializer)
        event, is_new = set_override_once(
            workers=values["workers"],
            reason=values["reason"],
            hold_seconds=values["hold_seconds"],
            workspace_id=request.workspace.id,
            actor=request.actor,
            key=one_key(request.headers.get("Idempotency-Key"), values.get("key")),
        )
        return Response(
            EventDetailSerializer(event).data,
            status=status.HTTP_202_ACCEPTED if is_new else status.HTTP_200_OK,
        )


class ReleaseView(FormView):
    """The end of the manual override."""

    @extend_schema(
        tags=["auto-scaling"],
        operation_id="scaling_release",
        request=None,
        responses={200: StatusSerializer, **problems()},
    )
    def post(self, request: WorkspaceRequest) -> Response:
        """End the manual override, so that the strategy decides again."""
        release_override(workspace_id=request.workspace.id, actor=request.actor)
        return Response(StatusSerializer(read_status()).data)


class EventsView(ListView):
    """Scaling events."""

    sort_fields: ClassVar = {"at": "id"}
    default_sort = "-at"

    @extend_schema(
        tags=["auto-scaling"],
        operation_id="scaling_events_list",
        parameters=[EventQuerySerializer],
        responses={200: EventSerializer(many=True), **problems(422)},
    )
    def get(self, request: WorkspaceRequest) -> Response:
        """Decisions on the number of workers, newest first. Those that changed nothing are kept for
        six hours, and listed with `unchanged=true` or `state=UNCHANGED`."""
        filters = event_filter(self.filters(EventQuerySerializer))
        with in_bounded_time(narrow_by="since and until"):
            return self.list_response(list_events(filters), EventSerializer)


class EventView(ApiView):
    """One scaling event."""

    @extend_schema(
        tags=["auto-scaling"],
        operation_id="scaling_events_retrieve",
        responses={200: EventDetailSerializer, **problems(404)},
    )
    def get(self, request: WorkspaceRequest, id: UUID) -> Response:  # noqa: A002 - the name in the API
        """The decision with the measurements, the settings, and the predicted waits."""
        return Response(EventDetailSerializer(get_event(id)).data)
