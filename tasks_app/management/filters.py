"""The filters of tasks as options."""

from functools import partial
from typing import Any

from controlplane.core.console.options import (
    TIME_HELP,
    Filter,
    read_filter,
    time_or_age,
    whole_number,
)
from controlplane.core.schema.texts import split_values
from tasks_app.filters import TaskFilter, filter_of_body

TASK_FILTERS = (
    Filter("status", is_list=True),
    Filter("type", is_list=True),
    Filter("queue", is_list=True),
    Filter("tag", is_list=True),
    Filter("search", "part of the name or type, or a whole id"),
    Filter("createdAfter", TIME_HELP, read=time_or_age, metavar="TIME"),
    Filter("createdBefore", "as --created-after", read=time_or_age, metavar="TIME"),
    Filter("minPriority", "from -100 to 100", read=whole_number(-100, 100), metavar="N"),
    Filter("workflowRunId", is_list=True, metavar="ID", help="run of a workflow"),
    Filter("worker", "names or ids of nodes, comma-separated", is_list=True),
    Filter("errorClass", is_list=True),
    Filter("finishedAfter", "as --created-after", read=time_or_age, metavar="TIME"),
    Filter("finishedBefore", "as --created-after", read=time_or_age, metavar="TIME"),
    Filter("internal", "also the platform's own tasks", is_flag=True),
)


def task_filter(options: dict[str, Any]) -> TaskFilter:
    """The filter that the options stand for. Raises CommandError with EXIT_USAGE."""
    return read_filter(
        options, TASK_FILTERS, split=split_values, read=partial(filter_of_body, field="")
    )
