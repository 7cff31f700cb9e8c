"""The record of decisions."""

from typing import ClassVar
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from controlplane.core.views import ApiView, ListView
from controlplane.workspaces.requests import WorkspaceRequest
from scaling.selectors.events import get_event, list_events
from scaling.serializers.events import (
    EventDetailSerializer,
    EventQuerySerializer,
    EventSerializer,
    event_filter,
)
from tasks_app.selectors import in_bounded_time
from tasks_app.serializers.problems import problems


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
        six hours, and told with `held=true` or `state=HELD`."""
        wanted = event_filter(self.filters(EventQuerySerializer))
        with in_bounded_time(narrow_by="since and until"):
            return self.list_response(list_events(wanted), EventSerializer)


class EventView(ApiView):
    """One scaling event."""

    @extend_schema(
        tags=["auto-scaling"],
        operation_id="scaling_events_retrieve",
        responses={200: EventDetailSerializer, **problems(404)},
    )
    def get(self, request: WorkspaceRequest, id: UUID) -> Response:  # noqa: A002 - the name in the API
        """The decision with what was measured, the settings, and what would have been otherwise."""
        return Response(EventDetailSerializer(get_event(id)).data)
