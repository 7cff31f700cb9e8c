"""The performance of the workspace: throughput, times, rates, and queue depths."""

from typing import Any

from controlplane.core.http.verbs import Views, verb
from controlplane.workspaces.permissions import WorkspaceRequest
from tasks_app.filters import InternalFilter
from tasks_app.queries.performance import get_performance
from tasks_app.queries.queue_health import list_queue_health
from tasks_app.schema.figures import Performance, PerformanceQuery, QueueHealth, SummedHealth


class System(Views):
    """Throughput, times and rates; queue depths."""

    tag = "system"

    @verb(
        "GET",
        "system/performance/summary",
        name="system_performance_summary",
        summary="Summarize performance",
        query=PerformanceQuery,
        returns=Performance,
        errors=(422,),
    )
    def performance(self, request: WorkspaceRequest, wanted: PerformanceQuery) -> Any:
        """Throughput, percentiles and rates of a window, in all, by type, by queue and in steps."""
        return get_performance(
            request.workspace.id, wanted.window, with_internal=wanted.is_internal
        )

    @verb(
        "GET",
        "health/queue",
        name="health_queue",
        summary="Show the number of tasks in the queues",
        query=InternalFilter,
        returns=QueueHealth,
        errors=(422,),
    )
    def queue_health(self, request: WorkspaceRequest, wanted: InternalFilter) -> Any:
        """Tasks by state, and the attempts of the last day, in all and by queue."""
        found = list_queue_health(request.workspace.id, with_internal=wanted.is_internal)
        return SummedHealth(found)
