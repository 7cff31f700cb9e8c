"""What the site cannot tell about its pages: those beside lists and forms, rows whose pages differ,
values of filters."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

NOWHERE = "zebra"  # a text that nothing has
# Rows whose pages differ; without an entry the newest row stands for all.
KINDS: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "tasks_app.Task": {
        "waiting": {"state": "PENDING"},
        "running": {"state": "RUNNING"},
        "completed": {"state": "COMPLETED"},
        "failed": {"state": "FAILED"},
        "with children": {"dependents__isnull": False},
    },
    "tasks_app.Queue": {"busy": {"name": "mail"}, "with a backlog": {"name": "backlog"}, "": {}},
    "workers.Node": {"active": {"state": "ACTIVE"}, "lost": {"state": "LOST"}, "": {}},
    "workflows.WorkflowRun": {
        "running": {"state": "RUNNING"},
        "completed": {"state": "COMPLETED"},
        "failed": {"state": "FAILED"},
    },
    "dlq.DeadLetter": {"open": {"status": "OPEN"}},
}


@dataclass(frozen=True, slots=True)
class Beside:
    """A page that is neither in the sidebar nor one of Django's. `row` is the label of the model
    whose row it shows, `where` what that row must be; a `{word}` in the query stands for a row."""

    title: str
    name: str
    row: str = ""
    where: Mapping[str, Any] = field(default_factory=dict)
    query: str = ""


TASK, _QUEUE, LETTER = "tasks_app.Task", "tasks_app.Queue", "dlq.DeadLetter"
_GROUP = "dlq.LetterGroup"
_PENDING: Mapping[str, Any] = {"state": "PENDING"}
_PARENT: Mapping[str, Any] = {"dependents__isnull": False}
_OPEN: Mapping[str, Any] = {"status": "OPEN"}
_LIVE: Mapping[str, Any] = {"state": "ACTIVE"}
ENDED: Mapping[str, Any] = {"state__in": ["DONE", "STOPPED"]}
BESIDE = (
    Beside("Overview, 24 hours", "index", query="span=24h"),
    Beside("Overview, one workspace", "index", query="workspace=default"),
    Beside("Performance, 24 hours", "performance", query="span=24h"),
    Beside("Performance, 30 days", "performance", query="span=30d"),
    Beside("Performance, one type", "performance", query="span=24h&type=cpu"),
    Beside("Performance, a file", "performance_export", query="span=24h&table=types"),
    Beside("Queues by name", "tasks_app_queue_changelist", query="sort=name"),
    Beside("Queues, paused", "tasks_app_queue_changelist", query="show=paused"),
    Beside("Queues, a text", "tasks_app_queue_changelist", query="q=mail"),
    Beside("one queue, 24 hours", "tasks_app_queue_change", _QUEUE, {"name": "mail"}, "span=24h"),
    Beside("one queue by tag", "tasks_app_queue_change", _QUEUE, {"name": "backlog"}, "by=tag"),
    Beside("cancel a queue", "tasks_app_queue_cancel", _QUEUE, {"name": "backlog"}),
    Beside("cancel a type", "tasks_app_queue_cancel", _QUEUE, {"name": "backlog"}, "type=cpu"),
    Beside("one type by its name", "tasks_app_typedeclaration_of", query="name=sleep"),
    Beside("types of a new task", "tasks_app_task_submit"),
    Beside("new task", "tasks_app_task_submit", query="type=http-request"),
    Beside("copy of a task", "tasks_app_task_submit", query="copy={task}"),
    Beside("question of a task", "tasks_app_task_act", TASK, _PENDING, "action=cancel"),
    Beside("children of a task", "tasks_app_task_family", TASK, _PARENT),
    Beside("children, a text", "tasks_app_task_family", TASK, _PARENT, f"q={NOWHERE}"),
    Beside("changes of a task", "tasks_app_task_changes", TASK),
    Beside("log of a task", "tasks_app_task_logs", TASK),
    Beside(
        "changes of the list", "tasks_app_task_list_changes",
        query="ids={task}&anchor={task}&figures=1",
    ),
    *(
        Beside(
            f"new rows of {title}",
            "tasks_app_task_list_changes",
            query=f"ids={{task}}&end={filters}",
        )
        for title, filters in {
            "all tasks": "",
            "those that failed": "&status=FAILED",
            "what ended last": "&sort=-finishedAt",
            "a rare type": "&type=http-request",
        }.items()
    ),
    Beside("export", "tasks_app_task_export", query="workspace=default"),
    Beside("export, failed", "tasks_app_task_export", query="workspace=default&status=FAILED"),
    *(
        Beside(f"export of {title}", f"{name}_export", query="workspace=default")
        for title, name in {
            "queues": "tasks_app_queue",
            "nodes": "workers_node",
            "task types": "tasks_app_typedeclaration",
            "letters": "dlq_deadletter",
            "failures": "dlq_lettergroup",
            "replays": "dlq_replay",
            "bulk operations": "operations_operation",
            "schedules": "schedules_schedule",
            "firings": "schedules_firing",
            "runs": "workflows_workflowrun",
            "workflows": "workflows_workflow",
            "scaling events": "scaling_scalingevent",
            "stress tests": "stress_stresstest",
            "the audit log": "workspaces_auditevent",
            "keys": "workspaces_apikey",
            "members": "workspaces_membership",
        }.items()
    ),
    Beside(
        "export of items", "operations_operation_items_export", "operations.Operation",
    ),
    Beside("Workers, lost", "workers_node_changelist", query="state=LOST"),
    Beside("Workers, stopped", "workers_node_changelist", query="state=STOPPED"),
    Beside("Workers, a text", "workers_node_changelist", query=f"q={NOWHERE}"),
    Beside("one node, a day", "workers_node_change", "workers.Node", _LIVE, "span=24h"),
    Beside("drain a node", "workers_node_drain", "workers.Node", _LIVE),
    Beside("reprocess a letter", "dlq_deadletter_reprocess", LETTER, _OPEN),
    Beside("discard a letter", "dlq_deadletter_discard", LETTER, _OPEN),
    Beside("letters like it", "dlq_deadletter_changelist", query="fingerprint={fingerprint}"),
    Beside("Failures, all", "dlq_lettergroup_changelist", query="view=all"),
    Beside("Failures, a text", "dlq_lettergroup_changelist", query=f"view=all&q={NOWHERE}"),
    Beside("Failures, with a panel", "dlq_lettergroup_changelist", query="view=all&group={group}"),
    Beside(
        "changes of the inbox", "dlq_lettergroup_changes",
        query="ids={group}&since=2026-01-01T00:00:00Z",
    ),
    Beside("mute a failure", "dlq_lettergroup_mute", _GROUP),
    Beside("discard a failure", "dlq_lettergroup_discard", _GROUP),
    Beside("reprocess a failure", "dlq_lettergroup_reprocess", _GROUP),
    Beside("Bulk operations, open", "operations_operation_changelist", query="show=open"),
    Beside(
        "one operation, failed", "operations_operation_change", "operations.Operation",
        query="outcome=FAILED",
    ),
    Beside(
        "new operation", "operations_operation_new",
        query="target=tasks&action=cancel&workspace=default&filter=%7B%7D&all=1",
    ),
    Beside(
        "new operation, one type", "operations_operation_new",
        query="target=tasks&action=delete&workspace=default"
        "&filter=%7B%22type%22%3A%5B%22cpu%22%5D%7D",
    ),
    Beside("save a view", "savedviews_savedview_save", query="list=tasks&address=status%3DFAILED"),
    Beside("execute a workflow", "workflows_workflow_execute", "workflows.Workflow"),
    Beside("run again", "workflows_workflowrun_rerun", "workflows.WorkflowRun"),
    Beside("new stress test", "stress_stresstest_start"),
    Beside(
        "compare stress tests", "stress_stresstest_compare", "stress.StressTest", ENDED,
        "with={test}",
    ),
    Beside("Audit, the platform", "workspaces_auditevent_changelist", query="by=system"),
    Beside("Audit, an action", "workspaces_auditevent_changelist", query="action=task.cancel"),
    Beside("Audit, new entries", "workspaces_auditevent_newer"),
    Beside("Audit, a text", "workspaces_auditevent_changelist", query=f"search={NOWHERE}"),
    Beside(
        "Audit of a task", "workspaces_auditevent_changelist",
        query="targetType=task&targetId={task}",
    ),
    Beside("Settings, queues", "settings_queues"),
    Beside("Settings, retention", "settings_retention"),
    Beside("Settings, keys", "settings_keys"),
    Beside("Settings, members", "settings_members"),
    Beside("Settings, product", "settings_product"),
    Beside("password", "password_change"),
    Beside("somebody's password", "auth_user_password_change", "auth.User"),
)  # fmt: skip
# A value of each filter of the list of tasks, by its name in an address.
FILTERS: Mapping[str, str] = {
    "id": "{task}",
    "status": "FAILED",
    "type": "cpu",
    "queue": "mail",
    "tag": "month-end",
    "search": "sleep",
    "createdAfter": "1h",
    "createdBefore": "7d",
    "minPriority": "50",
    "workflowRunId": "{run}",
    "stepKey": "charge",
    "worker": "{node}",
    "errorClass": "TimeoutError",
    "startedAfter": "1h",
    "startedBefore": "7d",
    "finishedAfter": "1h",
    "finishedBefore": "7d",
    "minDurationMs": "150",
    "maxDurationMs": "5",
    "internal": "true",
    "submittedBy": "user:ada",
}
MORE_FILTERS: Mapping[str, str] = {
    "waiting": "status=PENDING",
    "running": "status=RUNNING",
    "completed": "status=COMPLETED",
    "cancelled": "status=CANCELLED",
    "completed, by end": "status=COMPLETED&sort=-finishedAt",
    "failed, one queue": "status=FAILED&queue=mail",
    "failed, one type": "status=FAILED&type=cpu",
    "failed, lately": "status=FAILED&finishedAfter=1h",
    "one error, lately": "errorClass=TimeoutError&finishedAfter=1h",
    "one workspace": "workspace=default",
    "a workspace with few": "workspace=studio",
    "a text that nothing has": f"search={NOWHERE}",
    "a type that nothing has": f"type={NOWHERE}",
    "an error that nothing has": f"errorClass={NOWHERE}",
    "a payload": "payload.customer=500",
    "all columns": "columns=type,what,queue,attempts,priority,tags,id,node,workspace,created,"
    "started,finished,waited,ran",
}
