"""A number of workers by hand."""

from typing import ClassVar

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import status
from rest_framework.response import Response

from controlplane.workspaces.requests import WorkspaceRequest
from scaling.selectors.status import read_status
from scaling.serializers.events import EventDetailSerializer
from scaling.serializers.status import ScaleRequestSerializer, StatusSerializer
from scaling.services.manual import order_workers_once, release_workers
from tasks_app.serializers.parsing import one_key
from tasks_app.serializers.problems import problems
from tasks_app.views.base import FormView
from tasks_app.views.schema import IDEMPOTENCY_KEY

_EXAMPLES = [
    OpenApiExample(
        "For an hour",
        value={"workers": 8, "reason": "The sale begins at noon.", "holdSeconds": 3600},
        request_only=True,
    )
]


class ScaleView(FormView):
    """An order."""

    forms: ClassVar = {"POST": ScaleRequestSerializer}

    @extend_schema(
        tags=["auto-scaling"],
        operation_id="scaling_scale",
        parameters=[IDEMPOTENCY_KEY],
        request=ScaleRequestSerializer,
        examples=_EXAMPLES,
        responses={202: EventDetailSerializer, 200: EventDetailSerializer, **problems(409, 422)},
    )
    def post(self, request: WorkspaceRequest) -> Response:
        """Order a number of workers, for the whole installation. The answer is the event that tells
        what comes of it. 409 while the autoscaler does not run."""
        asked = self.validated(ScaleRequestSerializer)
        event, is_new = order_workers_once(
            workers=asked["workers"],
            reason=asked["reason"],
            hold_seconds=asked["hold_seconds"],
            workspace_id=request.workspace.id,
            actor=request.actor,
            key=one_key(request.headers.get("Idempotency-Key"), asked.get("key")),
        )
        return Response(
            EventDetailSerializer(event).data,
            status=status.HTTP_202_ACCEPTED if is_new else status.HTTP_200_OK,
        )


class ReleaseView(FormView):
    """The end of an order."""

    @extend_schema(
        tags=["auto-scaling"],
        operation_id="scaling_release",
        request=None,
        responses={200: StatusSerializer, **problems()},
    )
    def post(self, request: WorkspaceRequest) -> Response:
        """From now on the strategy decides again. Without an order nothing changes."""
        release_workers(workspace_id=request.workspace.id, actor=request.actor)
        return Response(StatusSerializer(read_status()).data)
