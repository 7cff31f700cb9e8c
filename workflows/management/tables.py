"""Workflows and runs for people at a terminal."""

from typing import Any

from controlplane.core.console.tables import Console, columns_of, list_view, table_of


def show_run(console: Console, run: dict[str, Any]) -> None:
    """A line on the run, and a row for each of its steps."""
    console.write(
        f"{run['runId']} {run['workflowName']} version {run['version']}: "
        f"{run['status']}, {run['progress']:g} %"
    )
    console.print(table_of(_STEPS, run["steps"]) if run["steps"] else "It has no steps.")
    if run["error"]:
        console.write(f"Error: {_describe_error(run['error'])}")


def _count_tasks(step: dict[str, Any]) -> str:
    total = step["tasksTotal"]
    return f"{step['tasksEnded']}/{total}" if total else ""


def _reason(step: dict[str, Any]) -> str:
    """Why it failed, did not run, or waits."""
    if step["error"]:
        return _describe_error(step["error"])
    if step["reason"]:
        return str(step["reason"].get("message", ""))
    return f"until {step['waitUntil']}" if step["status"] == "WAITING" and step["waitUntil"] else ""


def _describe_error(error: dict[str, Any]) -> str:
    """The message; for a list also which item failed, and how many."""
    message = str(error.get("message", ""))
    if "itemsFailed" in error:
        message += f" (item {error['item']}; {error['itemsFailed']} of {error['items']} failed)"
    return message


show_workflows = list_view(
    columns_of("id", "name", "version", "updatedAt", "createdBy"),
    empty="No workflow is defined.",
)
show_runs = list_view(
    {
        **columns_of("runId", "workflowName", "version", "status"),
        "progress": lambda run: f"{run['progress']:g} %",
        **columns_of("createdAt"),
    },
    empty="No run matches.",
)
_STEPS = {
    **columns_of("key", "kind", "status"),
    "tasks": _count_tasks,
    "reason": _reason,
}
