"""The lists of tasks, queues, workers and task types, and the views of them that are shipped."""

from collections.abc import Mapping, Sequence

from django.http import QueryDict

from controlplane.core.schema.values import join_values
from controlplane.workspaces.lists import (
    SavableList,
    ShippedView,
    choice,
    filters_of,
    register,
    search,
)
from tasks_app.columns import CHOOSABLE
from tasks_app.filters import ME, PAYLOAD_PREFIX, TaskFilter, filter_of_query
from tasks_app.queries import SORT_FIELDS
from workers.states import NodeState

TITLES = {
    "id": "Id",
    "status": "State",
    "type": "Type",
    "queue": "Queue",
    "tag": "Tag",
    "search": "Text",
    "createdAfter": "Created after",
    "createdBefore": "Created before",
    "minPriority": "Priority at least",
    "workflowRunId": "Workflow run",
    "stepKey": "Step",
    "worker": "Worker",
    "submittedBy": "Submitted by",
    "errorClass": "Error",
    "startedAfter": "Started after",
    "startedBefore": "Started before",
    "finishedAfter": "Finished after",
    "finishedBefore": "Finished before",
    "minDurationMs": "Ran at least",
    "maxDurationMs": "Ran at most",
    "internal": "Internal tasks",
}


def _check_tasks(filters: Mapping[str, Sequence[str]]) -> TaskFilter:
    """Raises Invalid."""
    params = QueryDict(mutable=True)
    for name, values in filters.items():
        params[name] = join_values(values)
    return filter_of_query(params)


TASKS = SavableList(
    "tasks",
    "Tasks",
    path="admin/tasks_app/task/",
    api="tasks",
    filters=filters_of(TaskFilter, TITLES),
    prefix=PAYLOAD_PREFIX,
    check=_check_tasks,
    sorts=tuple(sign + name for name in SORT_FIELDS for sign in ("-", "")),
    default_sort="-createdAt",
    columns={column.key: column.title for column in CHOOSABLE},
    shipped=(
        ShippedView(
            "failing-now",
            "Failing now",
            "Tasks that failed for good within the last hour, the latest first.",
            {"status": "FAILED", "finishedAfter": "1h"},
            "-finishedAt",
        ),
        ShippedView(
            "stuck",
            "Stuck",
            "Running tasks whose attempt started more than an hour ago.",
            {"status": "RUNNING", "startedBefore": "1h"},
        ),
        ShippedView(
            "waiting-long",
            "Waiting long",
            "Tasks that are ready to run, and were created more than 15 minutes ago; the oldest "
            "first.",
            {"status": "PENDING", "createdBefore": "15m"},
            "createdAt",
        ),
        ShippedView(
            "slowest",
            "Slowest",
            "Tasks that ended within the last day, the longest run time first.",
            {"status": ["COMPLETED", "FAILED"], "finishedAfter": "24h"},
            "-durationMs",
        ),
        ShippedView(
            "mine",
            "Mine",
            "Tasks that you submitted yourself, the newest first.",
            {"submittedBy": ME},
        ),
    ),
)
QUEUES = SavableList(
    "queues",
    "Queues",
    path="admin/tasks_app/queue/",
    api="queues",
    filters=(
        search(api=None),
        choice("show", "Shown", ("paused",), api=None),
    ),
    sorts=("name",),
    shipped=(ShippedView("paused", "Paused", "Queues that are paused.", {"show": "paused"}),),
)
WORKERS = SavableList(
    "workers",
    "Workers",
    path="admin/workers/node/",
    api="system/nodes",
    filters=(
        search(api=None),
        choice("status", "State", NodeState.values, page="state"),
    ),
    shipped=(
        ShippedView("lost", "Lost", "Nodes that were lost.", {"status": "LOST"}),
        ShippedView(
            "draining", "Draining", "Nodes that take no more work.", {"status": "DRAINING"}
        ),
    ),
    is_by_workspace=False,
    bare_title="Active",
)
TYPES = SavableList(
    "types",
    "Task types",
    path="admin/tasks_app/typedeclaration/",
    api="task-types",
    filters=(search(api=None),),
    is_by_workspace=False,
)
register(TASKS, QUEUES, WORKERS, TYPES)
