"""The pages that the matrix looks at. A new page is a new line here: without one,
tests/integration/admin/test_pages_of_the_matrix.py fails."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import reverse


@dataclass(frozen=True)
class Case:
    """`address` is the name of a URL of the admin; `row` the label of the model whose row of the
    seeded world it shows, whose key stands for `{row}` in the query. A page for a visitor who is
    not logged in has no person."""

    name: str
    address: str
    row: str = ""
    query: str = ""
    status: int = 200
    is_anonymous: bool = False

    def url(self, find_row: Callable[[str], Any]) -> str:
        if self.address.startswith("/"):
            return self.address
        arguments = [find_row(self.row).pk] if self.row else []
        query = self.query.replace("{row}", str(*arguments))
        return reverse(f"admin:{self.address}", args=arguments) + query


PAGES = [
    Case("overview", "index"),
    Case("records", "records"),
    Case("login", "login", is_anonymous=True),
    Case("password", "password_change"),
    Case("missing", "/admin/no/such/page/", status=404),
    Case("stranger", "/no/such/page", status=404, is_anonymous=True),
    Case("tasks", "tasks_app_task_changelist"),
    Case("task", "tasks_app_task_change", "tasks_app.Task"),
    Case("task-question", "tasks_app_task_act", "tasks_app.Task", query="?action=cancel"),
    Case("task-logs", "tasks_app_task_logs", "tasks_app.Task"),
    Case("task-family", "tasks_app_task_family", "tasks_app.Task"),
    Case("task-types", "tasks_app_task_submit"),
    Case("new-task", "tasks_app_task_submit", query="?type=http-request"),
    Case("queues", "tasks_app_queue_changelist"),
    Case("queue", "tasks_app_queue_change", "tasks_app.Queue"),
    Case("cancel-slice", "tasks_app_queue_cancel", "tasks_app.Queue"),
    Case("performance", "performance"),
    Case("leaders", "tasks_app_leader_changelist"),
    Case("inbox", "dlq_lettergroup_changelist"),
    Case("inbox-all", "dlq_lettergroup_changelist", query="?view=all"),
    Case("failure", "dlq_lettergroup_change", "dlq.LetterGroup"),
    Case("mute", "dlq_lettergroup_mute", "dlq.LetterGroup"),
    Case("discard-failure", "dlq_lettergroup_discard", "dlq.LetterGroup"),
    Case("reprocess-failure", "dlq_lettergroup_reprocess", "dlq.LetterGroup"),
    Case("letters", "dlq_deadletter_changelist"),
    Case("letter", "dlq_deadletter_change", "dlq.DeadLetter"),
    Case("replays", "dlq_replay_changelist"),
    Case("replay", "dlq_replay_change", "dlq.Replay"),
    Case("operations", "operations_operation_changelist"),
    Case("operation", "operations_operation_change", "operations.Operation"),
    Case(
        "new-operation",
        "operations_operation_new",
        query="?target=tasks&action=delete&workspace=default&filter=%7B%7D&all=1",
    ),
    Case("views", "savedviews_savedview_changelist"),
    Case("view", "savedviews_savedview_change", "savedviews.SavedView"),
    Case("save-view", "savedviews_savedview_save", query="?list=tasks&address=status%3DFAILED"),
    Case("workflows", "workflows_workflow_changelist"),
    Case("workflow", "workflows_workflow_change", "workflows.Workflow"),
    Case("runs", "workflows_workflowrun_changelist"),
    Case("run", "workflows_workflowrun_change", "workflows.WorkflowRun"),
    Case("schedules", "schedules_schedule_changelist"),
    Case("schedule", "schedules_schedule_change", "schedules.Schedule"),
    Case("new-schedule", "schedules_schedule_add"),
    Case("firings", "schedules_firing_changelist"),
    Case("firing", "schedules_firing_change", "schedules.Firing"),
    Case("types", "tasks_app_typedeclaration_changelist"),
    Case("type", "tasks_app_typedeclaration_change", "tasks_app.TypeDeclaration"),
    Case("nodes", "workers_node_changelist"),
    Case("node", "workers_node_change", "workers.Node"),
    Case("drain", "workers_node_drain", "workers.Node"),
    Case("fleet", "scaling_pool_changelist"),
    Case("decisions", "scaling_scalingevent_changelist"),
    Case("decision", "scaling_scalingevent_change", "scaling.ScalingEvent"),
    Case("stress-tests", "stress_stresstest_changelist"),
    Case("stress-test", "stress_stresstest_change", "stress.StressTest"),
    Case("audit", "workspaces_auditevent_changelist"),
    Case("audit-all", "workspaces_auditevent_changelist", query="?by=all"),
    Case("audit-event", "workspaces_auditevent_change", "workspaces.AuditEvent"),
    Case("history-of-task", "tasks_app_task_history", "tasks_app.Task"),
    *(
        Case(f"settings-{name}", f"settings_{name}")
        for name in ("scaling", "queues", "retention", "keys", "members", "product")
    ),
    Case("workspaces", "workspaces_workspace_changelist"),
    Case("members", "workspaces_membership_changelist"),
    Case("keys", "workspaces_apikey_changelist"),
    Case("new-key", "workspaces_apikey_add"),
    Case("users", "auth_user_changelist"),
    Case("user", "auth_user_change", "auth.User"),
    Case("delete-user", "auth_user_delete", "auth.User"),
    Case("history", "auth_user_history", "auth.User"),
    Case("groups", "auth_group_changelist"),
]


def _list_records() -> Iterator[Case]:
    """Django's lists and forms of records that have few or no pages of their own."""
    for label, (name, kinds) in _RECORDS.items():
        for kind in kinds:
            row = label if kind in ("change", "delete") else ""
            yield Case(f"{name}-{kind}", f"{label.lower().replace('.', '_')}_{kind}", row)


_ALL = ("changelist", "add", "change", "delete")
_RECORDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "auth.User": ("user", ("add",)),
    "auth.Group": ("group", ("add", "change", "delete")),
    "workspaces.Workspace": ("workspace", ("add", "change")),
    "workspaces.Membership": ("member", ("add", "change", "delete")),
    "workspaces.ApiKey": ("key", ("change",)),
    "schedules.Schedule": ("schedule", ("delete",)),
    "tasks_app.IdempotencyKey": ("idempotency-key", ("changelist", "change")),
    "tasks_app.Leader": ("leader", ("change",)),
    "django_celery_results.TaskResult": ("task-result", _ALL),
    "django_celery_results.GroupResult": ("group-result", _ALL),
    "django_celery_beat.PeriodicTask": ("periodic-task", _ALL),
    "django_celery_beat.ClockedSchedule": ("clocked", _ALL),
    "django_celery_beat.CrontabSchedule": ("crontab", _ALL),
    "django_celery_beat.IntervalSchedule": ("interval", _ALL),
    "django_celery_beat.SolarSchedule": ("solar", _ALL),
}
# Looked at by the matrix only: the corpus, the walk and the pictures take each page of PAGES many
# times over.
MORE_PAGES = [
    Case("refused", "tasks_app_task_add", status=403),
    Case("fault", "/admin/fault/", status=500),
    Case("password-changed", "password_change_done"),
    Case("user-password", "auth_user_password_change", "auth.User"),
    Case("records-of-an-app", "/admin/auth/"),
    Case("type-by-name", "tasks_app_typedeclaration_of", query="?name=declared"),
    Case("run-workflow", "workflows_workflow_execute", "workflows.Workflow"),
    Case("run-again", "workflows_workflowrun_rerun", "workflows.WorkflowRun"),
    Case("reprocess-letter", "dlq_deadletter_reprocess", "dlq.DeadLetter"),
    Case("discard-letter", "dlq_deadletter_discard", "dlq.DeadLetter"),
    Case("new-stress-test", "stress_stresstest_start"),
    Case(
        "compare-stress-tests",
        "stress_stresstest_compare",
        "stress.StressTest",
        query="?with={row}",
    ),
    *_list_records(),
]
