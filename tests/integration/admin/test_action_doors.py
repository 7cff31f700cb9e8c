"""Every action of the pages, beside the call and the command that do the same: what asks on a page
asks at a terminal, what is undone on a page says at a terminal how to undo it."""

from typing import NamedTuple

import pytest
from django.urls import get_resolver

from controlplane.core.console.secondlook import Effect
from tests.clients import key_client
from tests.integration.admin.test_confirmations import (
    ACTIONS_THAT_ASK,
    ACTIONS_UNDONE,
    ASKS,
    UNDONE,
)
from tests.integration.commands.test_every_command import PRINTING
from tests.integration.test_routes import routes_of


class Doors(NamedTuple):
    call: str
    command: str


# A bulk operation is started with the token of its preview, which is the second look.
_IN_BULK = "operations start"
_RUN = "post workflows/runs/*"
DOORS: dict[str | tuple[str, str], Doors] = {
    "tasks_app_task_act": Doors("delete tasks/*", "tasks cancel"),
    "tasks_app_queue_cancel": Doors("post tasks/actions", "tasks cancel"),
    "workers_node_drain": Doors("post system/nodes/*/drain", "nodes drain"),
    "workflows_workflowrun_cancel": Doors(f"{_RUN}/cancel", "workflows cancel"),
    "workflows_workflowrun_decide": Doors(f"{_RUN}/steps/*/reject", "workflows reject"),
    "workflows_workflowrun_retry": Doors(f"{_RUN}/retry", "workflows retry"),
    "stress_stresstest_stop": Doors("delete system/stress-tests/*", "stress stop"),
    "dlq_replay_cancel": Doors("post dlq/replays/*/cancel", "dlq cancel-replay"),
    "dlq_deadletter_discard": Doors("post dlq/tasks/*/discard", "dlq discard"),
    "dlq_lettergroup_discard": Doors("post dlq/actions", "dlq discard"),
    "dlq_lettergroup_reprocess": Doors("post dlq/actions", "dlq reprocess"),
    "operations_operation_cancel": Doors("post operations/*/cancel", "operations cancel"),
    "savedviews_savedview_remove": Doors("delete views/*", "views delete"),
    "tasks_app_queue_pause": Doors("patch queues/*", "queues pause"),
    "tasks_app_queue_resume": Doors("patch queues/*", "queues resume"),
    "scaling_pool_configure": Doors("post auto-scaling/config", "scaling config set"),
    "scaling_pool_scale": Doors("post auto-scaling/scale", "scaling set"),
    "scaling_pool_release": Doors("post auto-scaling/release", "scaling release"),
    "dlq_lettergroup_decide": Doors("patch dlq/groups/*", "dlq acknowledge"),
    "dlq_lettergroup_mute": Doors("patch dlq/groups/*", "dlq mute"),
    "operations_operation_pause": Doors("post operations/*/pause", "operations pause"),
    "operations_operation_resume": Doors("post operations/*/resume", "operations resume"),
    "dlq_replay_pause": Doors("post dlq/replays/*/pause", "dlq pause-replay"),
    "dlq_replay_resume": Doors("post dlq/replays/*/resume", "dlq resume-replay"),
    ("workspaces.Membership", "delete_selected"): Doors("delete members/*", "members remove"),
    ("workspaces.ApiKey", "revoke"): Doors("delete api-keys/*", "apikeys revoke"),
    ("tasks_app.Task", "cancel"): Doors("post tasks/actions", "tasks cancel"),
    ("tasks_app.Task", "retry"): Doors("post tasks/actions", "tasks retry"),
    ("tasks_app.Task", "run_now"): Doors("post tasks/*/run-now", _IN_BULK),
    ("tasks_app.Task", "reprioritize"): Doors("post tasks/actions", _IN_BULK),
    ("workflows.WorkflowRun", "cancel"): Doors(f"{_RUN}/cancel", "workflows cancel"),
    ("workflows.WorkflowRun", "retry"): Doors(f"{_RUN}/retry", "workflows retry"),
    ("dlq.DeadLetter", "discard"): Doors("post dlq/actions", "dlq discard"),
    ("dlq.DeadLetter", "reprocess"): Doors("post dlq/actions", "dlq reprocess"),
    ("dlq.DeadLetter", "reprocess_as_canary"): Doors("post dlq/actions", "dlq reprocess"),
    ("schedules.Schedule", "run_now"): Doors("post cron/jobs/*/trigger", "cron trigger"),
    ("schedules.Schedule", "pause"): Doors("patch cron/jobs/*", "cron pause"),
    ("schedules.Schedule", "resume"): Doors("patch cron/jobs/*", "cron resume"),
    ("workers.Node", "drain"): Doors("post system/nodes/*/drain", "nodes drain"),
    ("tasks_app.Queue", "pause"): Doors("patch queues/*", "queues pause"),
    ("tasks_app.Queue", "resume"): Doors("patch queues/*", "queues resume"),
}
# They write nothing into the audit log, or have the reason by themselves.
NO_REASON = {"enqueue", "demo", "tasks recount", "restored"}
# Calls for many objects have a preview, whose token does exactly what it shows.
PREVIEWED = {"tasks/actions", "dlq/actions"}


def test_every_action_has_its_doors() -> None:
    """A new one is missing here until somebody says how it is done without a page."""
    assert {*DOORS} == ASKS | UNDONE | ACTIONS_THAT_ASK | ACTIONS_UNDONE


@pytest.mark.django_db
def test_the_calls_take_a_reason_and_those_for_many_have_a_preview() -> None:
    known = set(routes_of(get_resolver().url_patterns))
    wanted = {tuple(doors.call.split()) for doors in DOORS.values()}
    assert wanted <= known
    assert {("post", f"{path}/preview") for path in PREVIEWED} <= known
    document = key_client().get("/api/schema?format=json").json()
    for path in PREVIEWED:
        body = document["paths"][f"/{path}"]["post"]["requestBody"]["content"]["application/json"]
        fields = document["components"]["schemas"][body["schema"]["$ref"].rpartition("/")[2]]
        assert {"reason", "token", "acceptDrift"} <= fields["properties"].keys()
    for path, methods in document["paths"].items():
        for method, found in methods.items():
            names = [each["name"] for each in found.get("parameters", ())]
            assert ("X-Reason" in names) == (method != "get"), (method, path)


def test_the_commands_ask_or_say_how_to_undo_it() -> None:
    effects = {path: parser.get_default("effect") for path, parser in PRINTING}
    for action, doors in DOORS.items():
        if doors.command != _IN_BULK:
            is_undone = action in UNDONE | ACTIONS_UNDONE
            expected = Effect.UNDONE if is_undone else Effect.ENDS
            assert effects[doors.command] == expected, doors.command


@pytest.mark.parametrize(("path", "parser"), PRINTING, ids=[path for path, _ in PRINTING])
def test_what_changes_something_takes_a_reason(path: str, parser: object) -> None:
    options = parser._option_string_actions  # type: ignore[attr-defined] # argparse has no other way
    effect = parser.get_default("effect")  # type: ignore[attr-defined] # of the parser
    assert effect is not None
    assert ("--reason" in options) == (effect != Effect.READS and path not in NO_REASON)
    if effect == Effect.ENDS:
        assert "--yes" in options
