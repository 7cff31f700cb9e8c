"""Schedules and their executions as files."""

from dataclasses import asdict

from controlplane.core.schema import shown
from controlplane.ops.schedules import queries
from controlplane.ops.schedules.schema import Execution, ExecutionFilter, Job, JobFilter
from controlplane.workspaces.exporting import ExportedList, Selected, register
from controlplane.workspaces.exporting.lists import Rows


class NamedExecution(Execution):
    """An execution, with the name of its schedule."""

    schedule: str = shown("The name of the schedule.", source="schedule.name")


def _list_schedules(selected: Selected) -> Rows:
    wanted: JobFilter = selected.wanted
    return queries.list_schedules(selected.workspace_id, **asdict(wanted))


def _list_executions(selected: Selected) -> Rows:
    wanted: ExecutionFilter = selected.wanted
    if selected.owner is None:
        raise TypeError("Executions are those of a schedule.")
    return queries.list_firings(
        selected.workspace_id, selected.owner, states=wanted.states, kinds=wanted.kinds
    )


SCHEDULES = ExportedList(
    name="schedules",
    noun="schedule",
    path="cron/jobs/export",
    tag="cron",
    resource="cron",
    schema=Job,
    filter=JobFilter,
    rows=_list_schedules,
    prepare=queries.with_beat,
    describe=queries.describe_jobs,
    sized=("payload",),
)
EXECUTIONS = ExportedList(
    name="executions",
    noun="execution",
    owner="schedule",
    path="cron/jobs/<uuid:id>/executions/export",
    tag="cron",
    resource="cron",
    schema=NamedExecution,
    filter=ExecutionFilter,
    rows=_list_executions,
    prepare=lambda rows: rows.select_related("schedule"),
    sized=("result", "error"),
)

register(SCHEDULES, EXECUTIONS)
