"""The HTTP API of stress tests."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiExample

from controlplane.core.http.verbs import Listed, Views, verb
from controlplane.ops.stress import control, queries
from controlplane.ops.stress.schema import (
    CompareQuery,
    Comparison,
    StressFilter,
    StressTest,
    StressTestDetail,
    StressTestIn,
)
from controlplane.workspaces.actors import SUBMIT_TASKS, require_scopes
from controlplane.workspaces.idempotent_calls import idempotent
from controlplane.workspaces.permissions import WorkspaceRequest

_EXAMPLES = [
    OpenApiExample(
        "More than a thousand waits at once", value=StressTestIn.example, request_only=True
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


def _find_test(request: WorkspaceRequest, test_id: UUID) -> Any:
    require_scopes(request.actor, SUBMIT_TASKS)
    return queries.get_test(request.workspace.id, test_id)


class StressTests(Views):
    """Stress tests of the workspace."""

    tag = "stress tests"

    @verb(
        "GET",
        "system/stress-tests",
        name="stress_tests_list",
        summary="List stress tests",
        query=StressFilter,
        returns=Listed(StressTest, {"createdAt": "id"}),
        errors=(422,),
    )
    def list(self, request: WorkspaceRequest, query: StressFilter) -> Any:
        """Stress tests, newest first."""
        return queries.list_tests(request.workspace.id, query.states)

    @verb(
        "POST",
        "system/stress-tests",
        name="stress_tests_start",
        summary="Start a stress test",
        body=StressTestIn,
        examples=_EXAMPLES,
        returns={202: StressTestDetail, 200: StressTestDetail},
        errors=(409, 422),
    )
    @idempotent(_find_test)
    def start(self, request: WorkspaceRequest, body: StressTestIn) -> UUID:
        """Start a stress test on the queue `stress`; a workspace runs one at a time. The dispatcher
        submits the tasks, watches them, and writes a report with a verdict. In production the call
        must be confirmed.
        """
        return control.start_test(
            workspace_id=request.workspace.id,
            spec=body.spec,
            actor=request.actor,
            confirm=body.confirm,
        ).id

    @verb(
        "GET",
        "system/stress-tests/<uuid:id>",
        name="stress_tests_retrieve",
        summary="Show a stress test",
        returns=StressTestDetail,
        errors=(404,),
    )
    def retrieve(self, request: WorkspaceRequest, id: UUID) -> Any:  # noqa: A002 - the name in the API
        """The test: its progress and, when it has ended, its report."""
        return queries.get_test(request.workspace.id, id)

    @verb(
        "DELETE",
        "system/stress-tests/<uuid:id>",
        name="stress_tests_stop",
        summary="Stop a stress test",
        returns={202: StressTestDetail},
        errors=(404, 409),
    )
    def stop(self, request: WorkspaceRequest, id: UUID) -> Any:  # noqa: A002 - the name in the API
        """Stop it: nothing more is submitted, waiting tasks are cancelled, running ones are asked
        to stop.

        It ends STOPPED, with a report about the submitted tasks.
        """
        return control.stop_test(workspace_id=request.workspace.id, test_id=id, actor=request.actor)

    @verb(
        "GET",
        "system/stress-tests/<uuid:id>/compare",
        name="stress_tests_compare",
        summary="Compare two stress tests",
        query=CompareQuery,
        returns=Comparison,
        errors=(404, 409, 422),
    )
    def compare(self, request: WorkspaceRequest, query: CompareQuery, id: UUID) -> Any:  # noqa: A002 - the name in the API
        """This test's figures as multiples of another's, with reasons why they may not be
        comparable."""
        return queries.compare_tests(request.workspace.id, id, query.others[0])
