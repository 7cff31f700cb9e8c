"""Every command that lists or shows something, with rows whose every text tries to break out."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model

from controlplane.ops.operations.models import Operation, OperationItem
from controlplane.ops.savedviews.models import SavedView
from controlplane.ops.schedules import triggering
from controlplane.ops.schedules.models import Firing, Schedule
from controlplane.ops.stress.models import StressTest
from controlplane.workspaces.actors import SYSTEM
from controlplane.workspaces.models import ApiKey
from controlplane.workspaces.services import add_member
from dlq.filters import LetterFilter
from dlq.models import DeadLetter, GroupNote, LetterGroup, Replay
from dlq.replays import start_replay
from scaling.models import Launch, ScalingEvent
from tasks_app.models import Queue, Task, TaskAttempt, TaskLog
from tests.clients import default_workspace, key_client
from tests.factories import (
    make_attempt,
    make_decision,
    make_items,
    make_job,
    make_launch,
    make_letter,
    make_log,
    make_node,
    make_operation,
    make_queue,
    make_run,
    make_scaling_event,
    make_stress_test,
    make_task,
    make_view,
    set_pool,
)
from tests.factories.workflows import CHAIN, end_step
from tests.hostiletext import HOSTILE, find_dangers
from tests.integration.commands.running import run
from workers.models import Node
from workflows.models import Workflow

pytestmark = pytest.mark.django_db

SHORT = HOSTILE.replace("\x00", "")[:90]
ERROR = {"class": HOSTILE, "message": HOSTILE, "traceback": HOSTILE, "category": "CODE"}


def write(model: Any, row: Any, **values: Any) -> None:
    """Past the checks of forms and services: older rows, other programs, tomorrow's code."""
    model.objects.filter(pk=row.pk).update(**values)


def make_tasks() -> Task:
    queue, node = make_queue("hostile"), make_node()
    write(Node, node, name=SHORT, host=SHORT, queues=[HOSTILE], version=SHORT[:20])
    task = make_task("FAILED", queue="hostile", payload={HOSTILE: HOSTILE}, error=ERROR)
    write(Task, task, name=HOSTILE, type=SHORT, tags=[SHORT], result={"x": HOSTILE})
    attempt = make_attempt(task, outcome="FAILED", node_id=node.id)
    write(TaskAttempt, attempt, error=ERROR)
    write(TaskLog, make_log(task, HOSTILE), level=SHORT[:5])
    write(
        Queue,
        queue,
        name=SHORT,
        paused_at=task.created_at,
        paused_by=HOSTILE,
        pause_reason=HOSTILE,
    )
    return task


def make_letters() -> tuple[DeadLetter, Replay]:
    letter = make_letter()
    attempts = [{"attempt": 1, "outcome": HOSTILE, "workerNode": HOSTILE, "error": ERROR}]
    for each in attempts:
        each |= {"startedAt": None, "finishedAt": HOSTILE}
    replay = start_replay(
        workspace_id=letter.workspace_id, letter_filter=LetterFilter(ids=(letter.id,)), actor=SYSTEM
    )
    write(DeadLetter, letter, name=HOSTILE, type=SHORT, error=ERROR, attempts=attempts)
    write(DeadLetter, letter, payload={HOSTILE: HOSTILE}, tags=[SHORT])
    write(Replay, replay, created_by=HOSTILE, stop_reason=HOSTILE)
    group = LetterGroup.objects.get()
    write(LetterGroup, group, type=SHORT, error_class=HOSTILE[:200], message=HOSTILE)
    write(LetterGroup, group, state_by=HOSTILE[:200], ticket=HOSTILE[:500])
    GroupNote.objects.create(group=group, text=HOSTILE, author=HOSTILE[:200])
    return letter, replay


def make_schedule() -> Schedule:
    schedule = make_job("hostile")
    firing = triggering.trigger_schedule(
        workspace_id=schedule.workspace_id, schedule_id=schedule.id, actor=SYSTEM
    )
    write(Firing, firing, detail=HOSTILE, triggered_by=HOSTILE)
    write(Schedule, schedule, name=HOSTILE[:100], task_type=SHORT, created_by=HOSTILE)
    return schedule


def make_fleet() -> ScalingEvent:
    event = make_scaling_event(
        inputs=make_decision() | {"reason": HOSTILE}, trigger="person", sentence=HOSTILE,
        outcome=HOSTILE, actor_label=HOSTILE, strategy=SHORT[:20], rule=SHORT[:20],
    )  # fmt: skip
    write(ScalingEvent, event, victims=[{"name": HOSTILE, "node": 1, "reason": HOSTILE}])
    write(Launch, make_launch(event), key=SHORT, problem=HOSTILE)
    set_pool(problem=HOSTILE)
    return event


def make_all() -> dict[str, str]:
    """Rows of every kind; the ids that the commands below name."""
    task, (letter, replay) = make_tasks(), make_letters()
    schedule, event, test = make_schedule(), make_fleet(), make_stress_test(1, name="hostile")
    write(StressTest, test, name=HOSTILE[:200], created_by=HOSTILE)
    operation = make_operation()
    write(Operation, operation, created_by=HOSTILE[:200], reason=HOSTILE, stop_reason=HOSTILE)
    make_items(operation, {SHORT: "REFUSED"})
    OperationItem.objects.update(detail=HOSTILE)
    view = make_view(is_shared=True, filters={HOSTILE: [HOSTILE], "type": [HOSTILE]})
    write(SavedView, view, name=HOSTILE[:80], owner_label=HOSTILE[:200])
    run_ = make_run()
    write(Workflow, run_.workflow, name=HOSTILE[:200], created_by=HOSTILE)
    end_step(run_.id, "charge", "FAILED", error=ERROR | {"message": HOSTILE})
    key = key_client().api_key
    write(ApiKey, key, name=HOSTILE[:200], created_by=HOSTILE)
    user = get_user_model().objects.create_user(HOSTILE[:150])
    add_member(workspace=default_workspace(), user=user, role="viewer", actor=SYSTEM)
    node = Node.objects.get()
    return {
        "member": user.get_username(),
        "task": task.id, "letter": letter.id, "group": letter.fingerprint, "replay": replay.id,
        "schedule": schedule.id,
        "event": event.id, "test": test.id, "run": run_.id, "workflow": run_.workflow_id,
        "node": node.id, "key": key.prefix, "operation": operation.id,
        "view": view.id,
    }  # fmt: skip


# One line for each subcommand: `test_every_command` compares them with those that exist.
COMMANDS = [
    "top",
    "tasks list",
    "tasks show {task}",
    "tasks cancel {task}",
    "tasks retry {task}",
    "tasks recount",
    "tasks types",
    "types",
    "types sleep",
    "queues list",
    "restored --yes",
    "queues pause {queue}",
    "queues resume {queue}",
    "queues limit {queue} --max-running 3",
    "queues describe {queue} --title {text} --owner {text} --description {text}",
    "queues describe {queue} --undo",
    "nodes list",
    "nodes show {node}",
    "nodes drain {node}",
    "dlq list",
    "dlq show {letter}",
    "dlq groups",
    "dlq show-group {group}",
    "dlq acknowledge {group} --note {text}",
    "dlq reopen {group}",
    "dlq resolve {group}",
    "dlq mute {group} --for 2h",
    "dlq assign {group} nobody",
    "dlq ticket {group} https://tickets.example/1",
    "dlq note {group} {text}",
    "dlq stats",
    "dlq reprocess {letter}",
    "dlq discard {letter} --reason {text}",
    "dlq replays",
    "dlq replay {replay}",
    "dlq pause-replay {replay}",
    "dlq resume-replay {replay}",
    "dlq cancel-replay {replay}",
    "cron list",
    "cron show {schedule}",
    "cron preview @daily",
    "cron create another @daily --task-type noop",
    "cron executions {schedule}",
    "cron trigger {schedule}",
    "cron pause {schedule}",
    "cron resume {schedule}",
    "cron remove {schedule}",
    "scaling status",
    "scaling events",
    "scaling event {event}",
    "scaling config",
    "scaling config set maxWorkers=9",
    "scaling config reset maxWorkers",
    "scaling set 2 --reason {text}",
    "scaling release",
    "scaling replay",
    "workflows list",
    "workflows show {workflow}",
    "workflows validate {file}",
    "workflows create {file}",
    "workflows update {workflow} {file}",
    "workflows delete {workflow}",
    "workflows execute {workflow}",
    "workflows runs",
    "workflows status {run}",
    "workflows cancel {run}",
    "workflows retry {run}",
    "workflows rerun {run}",
    "workflows approve {run} charge",
    "workflows reject {run} charge",
    "stress run --tasks 5 --wait-timeout 0 --yes",
    "stress list",
    "stress show {test}",
    "stress compare {test} {test}",
    "stress stop {test}",
    "operations list",
    "operations show {operation}",
    "operations items {operation}",
    "operations watch {operation} --wait-timeout 0",
    "operations pause {operation}",
    "operations resume {operation}",
    "operations cancel {operation}",
    "operations preview tasks retry --all",
    "operations start {text}",
    "views lists",
    "views list",
    "views show {view}",
    "views create tasks {text} --like slowest",
    "views change {view} --pinned",
    "views delete {view}",
    "apikeys create {text}",
    "apikeys list",
    "apikeys revoke {key}",
    "export api-keys --output {output}",
    "export audit --output {output}",
    "export dead-letter-groups --output {output}",
    "export dead-letters --output {output}",
    "export executions {schedule} --output {output}",
    "export members --output {output}",
    "export nodes --output {output}",
    "export operation-items {operation} --output {output}",
    "export operations --output {output}",
    "export performance --output {output}",
    "export performance-nodes --output {output}",
    "export performance-types --output {output}",
    "export queues --output {output}",
    "export replays --output {output}",
    "export scaling-events --output {output}",
    "export schedules --output {output}",
    "export stress-tests --output {output}",
    "export task-types --output {output}",
    "export tasks --output {output}",
    "export workflow-runs --output {output}",
    "export workflows --output {output}",
    "audit list",
    "members list",
    "members add {text}",
    "members change {member} --role operator",
    "members remove {member} --yes",
    "enqueue noop --name {text}",
    "undo {text}",
    "demo",
    "simulate_scaling --strategies threshold --traces ramp --seeds 1 --hours 0.1",
]


@pytest.fixture(scope="module")
def ids(committed_rows: None) -> dict[str, str]:
    return make_all()


@pytest.fixture
def values(ids: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """What stands in braces in the commands."""
    file = tmp_path / "definition.json"
    file.write_text(json.dumps({"name": SHORT, "tasks": CHAIN}), encoding="utf-8")
    output = str(tmp_path / "export.csv")
    return ids | {"file": str(file), "output": output, "text": SHORT, "queue": SHORT}


def fill(command: str, values: dict[str, str]) -> list[str]:
    return [part.format(**values) for part in command.split()]


@pytest.mark.parametrize("command", COMMANDS)
def test_nothing_gets_through(command: str, values: dict[str, str]) -> None:
    ran = run(*fill(command, values))
    # Some are refused, or wait for nobody; then the refusal is what is looked at.
    assert ran.code in (0, 1, 4), ran.err
    assert ran.out + ran.err != ""
    assert find_dangers(ran.out + ran.err) == []


@pytest.mark.parametrize("command", COMMANDS)
def test_json_is_json_and_printable(command: str, values: dict[str, str]) -> None:
    ran = run(*fill(command, values), "--json")
    assert find_dangers(ran.out + ran.err) == []
    if ran.code == 0 or ran.out:
        assert isinstance(ran.json, dict | list)
