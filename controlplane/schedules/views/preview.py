"""The next times of a schedule, before it exists."""

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from controlplane.core.clock import now
from controlplane.core.views import ApiView
from controlplane.schedules.queries import describe_timing, next_times, parse_checked
from controlplane.schedules.serializers import PreviewRequestSerializer, PreviewSerializer
from controlplane.schedules.views import schema
from controlplane.workspaces.requests import WorkspaceRequest
from tasks_app.serializers.problems import problems


class PreviewView(ApiView):
    """A look ahead."""

    @extend_schema(
        tags=["cron"],
        operation_id="cron_preview",
        parameters=schema.PREVIEW,
        responses={200: PreviewSerializer, **problems(422)},
    )
    def get(self, request: WorkspaceRequest) -> Response:
        """The next times of a schedule, in words too, computed by the code that fires it."""
        given = {name: text for name, text in request.query_params.items() if name != "format"}
        asked = PreviewRequestSerializer(data=given)
        asked.is_valid(raise_exception=True)
        wanted = asked.validated_data
        at = now()
        timing = parse_checked(wanted["schedule"], wanted["timezone"], at=at)
        answer = {
            **describe_timing(timing),
            "times": next_times(timing, after=at, count=wanted["count"]),
        }
        return Response(PreviewSerializer(answer).data)
