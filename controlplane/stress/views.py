"""The HTTP API of stress tests."""

from typing import ClassVar
from uuid import UUID

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.response import Response

from controlplane.core.views import ListView
from controlplane.stress import control, queries
from controlplane.stress.serializers import (
    CompareQuerySerializer,
    ComparisonSerializer,
    StressListQuerySerializer,
    StressRequestSerializer,
    StressTestDetailSerializer,
    StressTestSerializer,
    represent_test,
)
from controlplane.stress.spec import parse_spec
from controlplane.workspaces.requests import WorkspaceRequest
from tasks_app.serializers.parsing import one_key
from tasks_app.serializers.problems import problems
from tasks_app.views.base import FormView
from tasks_app.views.schema import IDEMPOTENCY_KEY

_EXAMPLES = [
    OpenApiExample(
        "A thousand waits at once",
        value={"tasks": 1_500, "type": "sleep", "durationMs": 3_000},
        request_only=True,
    ),
    OpenApiExample(
        "Failures and dependents, at a rate",
        value={
            "tasks": 5_000,
            "durationMs": 100,
            "failureRate": 0.02,
            "dependentShare": 0.3,
            "ratePerSecond": 500,
        },
        request_only=True,
    ),
]
_STATUS = OpenApiParameter(
    "status", str, OpenApiParameter.QUERY, description="Comma-separated list."
)
_WITH = OpenApiParameter(
    "with", OpenApiTypes.UUID, OpenApiParameter.QUERY, required=True, description="The other test."
)


class StressTestsView(FormView, ListView):
    """Stress tests of the workspace."""

    sort_fields: ClassVar = {"createdAt": "id"}
    forms: ClassVar = {"POST": StressRequestSerializer}

    @extend_schema(
        tags=["stress tests"],
        operation_id="stress_tests_list",
        parameters=[_STATUS],
        responses={200: StressTestSerializer(many=True), **problems(422)},
    )
    def get(self, request: WorkspaceRequest) -> Response:
        """Stress tests, newest first."""
        wanted = self.filters(StressListQuerySerializer)
        tests = queries.list_tests(request.workspace.id, wanted.get("status", ()))
        return self.list_response(tests, StressTestSerializer)

    @extend_schema(
        tags=["stress tests"],
        operation_id="stress_tests_start",
        parameters=[IDEMPOTENCY_KEY],
        request=StressRequestSerializer,
        examples=_EXAMPLES,
        responses={
            202: StressTestDetailSerializer,
            200: StressTestDetailSerializer,
            **problems(409, 422),
        },
    )
    def post(self, request: WorkspaceRequest) -> Response:
        """Begin a stress test on the queue `stress`; one at a time in a workspace.

        The dispatcher submits the tasks, watches them, and writes a report with a verdict. In
        production it must be confirmed.
        """
        asked = dict(self.validated(StressRequestSerializer))
        key = one_key(request.headers.get("Idempotency-Key"), asked.pop("key", None))
        test, is_new = control.start_test(
            workspace_id=request.workspace.id,
            confirm=asked.pop("confirm"),
            spec=parse_spec(asked),
            actor=request.actor,
            key=key,
        )
        return Response(
            represent_test(test),
            status=status.HTTP_202_ACCEPTED if is_new else status.HTTP_200_OK,
        )


class StressTestView(FormView):
    """One stress test."""

    @extend_schema(
        tags=["stress tests"],
        operation_id="stress_tests_retrieve",
        responses={200: StressTestDetailSerializer, **problems(404)},
    )
    def get(self, request: WorkspaceRequest, id: UUID) -> Response:  # noqa: A002 - the name in the API
        """The test: how far it is, and when it has ended, its report."""
        return Response(represent_test(queries.get_test(request.workspace.id, id)))

    @extend_schema(
        tags=["stress tests"],
        operation_id="stress_tests_stop",
        request=None,
        responses={202: StressTestDetailSerializer, **problems(404, 409)},
    )
    def delete(self, request: WorkspaceRequest, id: UUID) -> Response:  # noqa: A002 - the name in the API
        """Stop it: nothing more is submitted, what waits is cancelled, what runs is asked to stop.

        It ends STOPPED, with a report of what was submitted.
        """
        test = control.stop_test(workspace_id=request.workspace.id, test_id=id, actor=request.actor)
        return Response(represent_test(test), status=status.HTTP_202_ACCEPTED)


class StressTestCompareView(ListView):
    """Two stress tests."""

    @extend_schema(
        tags=["stress tests"],
        operation_id="stress_tests_compare",
        parameters=[_WITH],
        responses={200: ComparisonSerializer, **problems(404, 409, 422)},
    )
    def get(self, request: WorkspaceRequest, id: UUID) -> Response:  # noqa: A002 - the name in the API
        """This test's figures as multiples of another's, with what makes them incomparable."""
        other = self.filters(CompareQuerySerializer)["with"]
        found = queries.compare_tests(request.workspace.id, id, other)
        return Response(ComparisonSerializer(found).data)
