"""As many rows of every kind as one asks for, and of what belongs to one row as many again."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db import transaction
from django_celery_beat.models import (
    ClockedSchedule,
    CrontabSchedule,
    IntervalSchedule,
    PeriodicTask,
    SolarSchedule,
)
from django_celery_results.models import GroupResult, TaskResult

from controlplane.core.clock import now, utc_z
from controlplane.core.requests import working_for
from controlplane.ops.stress.control import stop_test
from controlplane.workspaces import services
from controlplane.workspaces.actors import SYSTEM
from controlplane.workspaces.audit.kinds import list_kinds
from controlplane.workspaces.models import Workspace
from dlq.filters import LetterFilter
from dlq.models import GroupNote, LetterGroup
from dlq.replays import start_replay
from tasks_app.models import IdempotencyKey, Task
from tests.clients import default_workspace, key_client
from tests.factories import (
    copy_letter,
    make_attempt,
    make_attempts,
    make_declaration,
    make_error,
    make_firing,
    make_items,
    make_job,
    make_launch,
    make_leader,
    make_letter,
    make_log,
    make_node,
    make_operation,
    make_queue,
    make_run,
    make_sample,
    make_scaling_event,
    make_stress_test,
    make_task,
    make_view,
    make_workflow,
    set_pool,
)
from tests.factories.workflows import end_run, end_step
from tests.stress_driver import drive_to
from workers.models import Node


def add_rows(number: int) -> None:
    """`number` more of everything; the newest of a kind has as many of what belongs to it."""
    home, tag = default_workspace(), uuid4().hex[:8]
    _add_tenants(number, tag)
    _add_tasks(number, home)
    _add_nodes(number, home)
    _add_letters(number, home)
    _add_operations(number, home)
    _add_views(number, tag)
    _add_workflows(number, home, tag)
    _add_schedules(number, home, tag)
    _add_fleet(number)
    _add_stress_tests(number, home)
    _add_others(number, home, tag)
    _add_audit_events(home)


def _add_tenants(number: int, tag: str) -> None:
    for each in range(number):
        made = services.create_workspace(slug=f"{tag}-{each}", name=f"Tenant {each}", actor=SYSTEM)
        user = get_user_model().objects.create(username=f"{tag}-{each}", is_staff=True)
        services.add_member(workspace=made, user=user, role="viewer", actor=SYSTEM)
        make_queue("mail", made)
        make_task(workspace=made)
        Group.objects.create(name=f"{tag}-{each}").user_set.add(user)
        for _ in range(number if each == number - 1 else 1):
            services.add_member(workspace=default_workspace(), user=user, role="viewer",
                                actor=SYSTEM)  # fmt: skip
            key_client(workspace=made)


def _add_tasks(number: int, home: Workspace) -> None:
    make_queue("backlog", home)
    for state in ("PENDING", "SCHEDULED", "RETRYING", "COMPLETED", "FAILED", "CANCELLED"):
        fields: dict[str, Any] = {"error": make_error()} if state in ("FAILED", "RETRYING") else {}
        for each in range(number):
            queue = "backlog" if each % 2 else "mail"
            task = make_task(state, workspace=home, queue=queue, tags=["month-end"],
                             type=f"type-{each}", **fields)  # fmt: skip
        make_attempts(task, range(1, number + 1), error=fields.get("error"))
    parent = make_task("COMPLETED", workspace=home, queue="mail")
    make_attempts(parent, range(1, number + 1))
    for each in range(number):
        make_log(parent, f"line {each}")
        child = make_task(workspace=home, queue="mail", parents=[parent])
    for _ in range(number):
        make_task(workspace=home, queue="mail", parents=[parent, child])


def _add_nodes(number: int, home: Workspace) -> None:
    at = now()
    for each in range(number):
        make_declaration(f"declared-{each}", title="A title", nodes=[make_node(f"declarer-{each}")])
        for state in ("STOPPED", "LOST", "ACTIVE"):
            ended = {} if state == "ACTIVE" else {"stopped_at": at}
            node = make_node(f"{state.lower()}-{each}", state=state, **ended)
            lost = make_task("COMPLETED", workspace=home, queue="mail")
            make_attempt(lost, node_id=node.id, outcome="LOST" if state == "LOST" else "SUCCEEDED")
    for each in range(number):
        make_sample(node, ago=timedelta(minutes=each))
        make_attempt(make_task("COMPLETED", workspace=home), node_id=node.id)
    running = [
        make_task("RUNNING", workspace=home, queue="mail", node_id=node.id) for _ in range(number)
    ]
    Node.objects.filter(id=node.id).update(
        running=number,
        slots=[
            {"slot": 1 + each, "running": 1, "taskId": str(task.id),
             "startedAt": utc_z(at)} for each, task in enumerate(running)
        ],
    )  # fmt: skip


def _add_letters(number: int, home: Workspace) -> None:
    for each in range(number):
        letter = make_letter(make_error(function=f"charge_{each}"), workspace=home)
        start_replay(
            workspace_id=home.id, letter_filter=LetterFilter(ids=(letter.id,)), actor=SYSTEM
        )
    copy_letter(letter, number)
    group = LetterGroup.objects.latest("id")
    for each in range(number):
        GroupNote.objects.create(group=group, author="ops", text=f"note {each}")


def _add_operations(number: int, home: Workspace) -> None:
    for _ in range(number):
        operation = make_operation(home, queue="mail")
    keys = [str(make_task("COMPLETED", workspace=home).pk) for _ in range(number)]
    make_items(operation, dict.fromkeys(keys, "FAILED"))


def _add_views(number: int, tag: str) -> None:
    for each in range(number):
        for name in ("tasks", "queues", "schedules"):
            make_view(name=f"{tag}-{each}", list_name=name, is_shared=True, is_pinned=each % 2 == 0)


def _add_workflows(number: int, home: Workspace, tag: str) -> None:
    for each in range(number):
        steps = [{"key": f"step_{step}", "type": "noop"} for step in range(number)]
        workflow = make_workflow(f"{tag} {each}", steps, workspace=home)
    for _ in range(number):
        for state in ("COMPLETED", "FAILED"):
            ended = make_run(workflow)
            for step in steps:
                end_step(ended.id, step["key"], state, error=make_error())
            end_run(ended.id, state)
        run = make_run(workflow)
    for task in Task.objects.filter(workflow_run_id=run.id):
        make_attempt(task)


def _add_schedules(number: int, home: Workspace, tag: str) -> None:
    for each in range(number):
        schedule = make_job(f"{tag} {each}", home)
        for firing in range(number):
            at = now() - timedelta(hours=firing)
            make_firing(schedule, scheduled_for=at, task_id=uuid4())


def _add_fleet(number: int) -> None:
    make_leader("dispatcher")
    make_leader()
    set_pool(target=number, ready=number)
    for each in range(number):
        event = make_scaling_event(ago=60 * (number - each))
        make_scaling_event("UNCHANGED", ago=60 * (number - each))
    for _ in range(number):
        make_launch(event)


def _add_stress_tests(number: int, home: Workspace) -> None:
    for _ in range(number):
        with transaction.atomic():
            test = make_stress_test(1, workspace=home, name="load")
        stop_test(workspace_id=home.id, test_id=test.id, actor=SYSTEM)
        drive_to(test, "STOPPED")


def _add_others(number: int, home: Workspace, tag: str) -> None:
    """Audit events, stored answers, and rows of other packages."""
    at = now()
    for each in range(number):
        services.record_audit(home, SYSTEM, "task.cancel", "task", f"{tag}-{each}", {})
        IdempotencyKey.objects.create(
            workspace_id=home.id,
            key=f"{tag}-{each}",
            body_hash=b"x" * 32,
            answer={},
            expires_at=at,
        )
        TaskResult.objects.create(task_id=f"{tag}-{each}", task_name=f"task-{each}")
        GroupResult.objects.create(group_id=f"{tag}-{each}", date_created=at, date_done=at)
        ClockedSchedule.objects.create(clocked_time=at)
        CrontabSchedule.objects.create(minute=str(each % 60))
        SolarSchedule.objects.create(event="sunset", latitude=each, longitude=number)
        interval = IntervalSchedule.objects.create(every=each + 1, period="days")
        PeriodicTask.objects.create(name=f"{tag}-{each}", task="x", interval=interval)  # fmt: skip


def _add_audit_events(home: Workspace) -> None:
    """One of each kind of object, all of one request: a page looks up each kind by itself."""
    with working_for("a request"):
        for kind in list_kinds():
            key = kind.rows().order_by("-pk").values_list(kind.key, flat=True).first()
            services.record_audit(home, SYSTEM, "seen", kind.target, key, {})
