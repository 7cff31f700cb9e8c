"""Schedules and their executions for people at a terminal."""

from typing import Any

from controlplane.core.console.tables import (
    Console,
    columns_of,
    list_view,
    print_record,
    record_view,
)
from controlplane.core.formatting import format_percent


def show_job(console: Console, job: dict[str, Any]) -> None:
    """Every field, and the next times if they are given."""
    last = job["lastExecution"]
    if last:
        last = f"{last['status']}, {last['scheduledFor']}: {last['detail']}"
    print_record(console, {**job, "lastExecution": last}, without=("times",))
    for each in job.get("times", ()):
        console.write(f"next: {each['utc']}  {each['local']}")


def describe_preview(preview: dict[str, Any], count: int) -> list[str]:
    """The description of the schedule, and its next times, of which `count` were requested."""
    lines = [preview["words"]]
    if preview["note"]:
        lines.append(f"note: {preview['note']}")
    lines += [f"{each['utc']}  {each['local']}" for each in preview["times"]]
    if len(preview["times"]) < count:
        lines.append("There are no more times.")
    return lines


def _work(job: dict[str, Any]) -> Any:
    return job["taskType"] or job["workflowId"] or job["celeryTask"]


def _next(job: dict[str, Any]) -> str:
    return (job["nextAt"] or "never") if job["enabled"] else "paused"


def _status(execution: dict[str, Any]) -> str:
    reason = execution["skipReason"]
    return f"{execution['status']} ({reason})" if reason else str(execution["status"])


def _detail(execution: dict[str, Any]) -> str:
    detail, times = str(execution["detail"]), execution["times"]
    return detail if times == 1 else f"{times} times: {detail}"


show_execution = record_view()
show_jobs = list_view(
    {
        "name": "name",
        "schedule": lambda job: job["words"] or f"{job['schedule']}: {job['problem']}",
        "starts": _work,
        "next": _next,
        "last": lambda job: (job["lastExecution"] or {}).get("status"),
        "success": lambda job: format_percent(job["successRate"]),
        "source": "source",
    },
    empty="There is no schedule yet.",
)
show_executions = list_view(
    {
        **columns_of("scheduledFor", "kind"),
        "status": _status,
        "late (ms)": "lateMs",
        "took (ms)": "durationMs",
        "task or run": lambda execution: execution["taskId"] or execution["runId"],
        "detail": _detail,
    },
    empty="No execution matches.",
)
