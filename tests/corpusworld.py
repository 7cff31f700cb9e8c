"""Rows of every kind, whose fields hold the texts of the corpus, as far as the columns take them.

They are written past forms and services: older rows, other programs, tomorrow's code. What the
services refuse is in tests/integration/test_corpus_refused.py.
"""

import os
from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.db import connection
from django.db.models import Model
from django_celery_beat.models import PeriodicTask

from controlplane.core.clock import now
from controlplane.core.ids import uuid7
from controlplane.ops.operations.models import Operation
from controlplane.ops.savedviews.models import SavedView
from controlplane.ops.schedules import triggering
from controlplane.ops.schedules.models import Firing, Schedule
from controlplane.ops.stress.models import StressTest
from controlplane.workspaces.actors import SYSTEM
from controlplane.workspaces.models import ApiKey, AuditEvent, Membership, Workspace
from dlq.filters import LetterFilter
from dlq.models import DeadLetter, GroupNote, LetterGroup, Replay
from dlq.replays import start_replay
from scaling.models import Launch, ScalingEvent
from tasks_app.models import Queue, QueueDescriptor, Rollup, Task, TaskDependency, TypeDeclaration
from tests.clients import default_workspace, key_client
from tests.corpus import BEYOND, KEYS, NUMBERS, TEXTS, cut, whole_payload
from tests.factories import (
    make_attempt,
    make_decision,
    make_declaration,
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
from tests.factories.workflows import APPROVAL
from workers.models import Node
from workflows.models import RunStep, Workflow, WorkflowRun, WorkflowVersion

Rows = dict[str, Any]
_LIVE_SECONDS = 600


def chosen_names() -> list[str]:
    """All entries, or those that CORPUS names, separated by semicolons."""
    return list(filter(None, os.environ.get("CORPUS", "").split(";"))) or list(TEXTS)


def write(row: Model, **values: Any) -> None:
    """Past all checks but those of the database."""
    type(row)._default_manager.filter(pk=row.pk).update(**values)


def make_error(text: str) -> dict[str, Any]:
    return {"class": cut(text, 200), "message": text, "traceback": text, "category": "CODE"}


def payload_of(text: str) -> dict[str, Any]:
    return {text: text, "list": [text], **dict.fromkeys(KEYS, text[:50])}


class CorpusWorld:
    """`rows[label][entry]` is the row of a model whose fields hold that entry. Under the entry
    `all` are rows whose payloads, results, inputs and logs hold everything."""

    def __init__(self) -> None:
        self.home = default_workspace()
        self.rows: dict[str, Rows] = {}
        self.person = get_user_model().objects.create_user("corpus-member")
        make_leader("dispatcher", seconds=_LIVE_SECONDS)
        for number, name in enumerate(chosen_names()):
            self._keep(name, make_rows(name, TEXTS[name], number, self.home))
        self._keep("all", make_everything(self.home))
        self._keep("beyond", [make_beyond()])
        exact = {"numbers": dict(NUMBERS), "keys": dict.fromkeys(KEYS, 1)}
        self._keep("exact", [make_task("COMPLETED", name="exact", payload=exact)])
        write(self.home, name=cut(TEXTS["Hebrew"] + TEXTS["script"], 200))
        self.made_at = now()

    def _keep(self, name: str, rows: list[Any]) -> None:
        for row in rows:
            self.rows.setdefault(row._meta.label, {})[name] = row

    def row(self, label: str, name: str = "all") -> Any:
        """The row of this entry, or any where the entry has none."""
        found = self.rows.get(label, {})
        return found.get(name) or next(iter(found.values()))


def make_rows(name: str, text: str, number: int, home: Workspace) -> list[Any]:
    """One row of each kind, full of one text."""
    queue, node = _make_queue(text, number, home), _make_node(text, number)
    task = _make_task(text, queue, node)
    letter = _make_letter(text)
    return [
        queue, node, task, letter, _make_group(text, number, letter), _make_operation(text),
        _make_view(text, number),
        _make_declaration(text, number, node),
        _make_replay(text, letter), *_make_schedule(text, number),
        *_make_workflow(text, number), _make_event(text), _make_test(text, number),
        *_make_people(name, text, home),
    ]  # fmt: skip


def make_everything(home: Workspace) -> list[Any]:
    """A task and a run with the whole corpus in each field that holds JSON."""
    payload = whole_payload()
    task = make_task("COMPLETED", name="everything", payload=payload, workspace=home)
    write(task, result=payload, tags=["a", "b"])
    make_attempt(task)
    write(make_log(task, TEXTS["everything"]), fields=payload)
    letter = make_letter(payload=payload, name="everything")
    run = make_run()
    write(run, input=payload)
    RunStep.objects.filter(run=run, key="charge").update(
        state="COMPLETED", result=payload, started_at=now(), finished_at=now(), waits_for=0
    )
    job = make_job("everything", home)
    write(job, payload=payload)
    return [task, letter, run, job]


def make_beyond() -> Task:
    """A task with numbers that neither a call nor a driver of ours sends."""
    task = make_task("COMPLETED", name="beyond")
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE tasks_app_task SET payload = %s::jsonb, result = %s::jsonb WHERE id = %s",
            [BEYOND, BEYOND, task.pk],
        )
    return task


def _make_queue(text: str, number: int, home: Workspace) -> Queue:
    queue = make_queue(f"corpus-{number}", home)
    described = {"title": cut(text, 100), "description": cut(text, 2_000), "owner": cut(text, 100)}
    QueueDescriptor.objects.create(queue=queue, **described, runbook=cut(f"javascript:{text}", 500))
    is_paused = bool(number % 2)
    write(
        queue,
        name=cut(text, 100),
        paused_at=now() if is_paused else None,
        paused_by=cut(text, 200) if is_paused else "",
        pause_reason=cut(text, 500) if is_paused else "",
    )
    at = now().replace(second=0, microsecond=0) - timedelta(minutes=2)
    counts = dict.fromkeys(
        ("submitted", "started", "completed", "failed", "retried", "lost", "cancelled"), 1
    )
    Rollup.objects.create(
        workspace_id=home.id, seconds=60, at=at, queue_id=queue.id, type=cut(text, 200),
        run_ms=1.0, wait_ms=1.0, runs={"5": 1}, waits={"5": 1}, **counts, failed_tasks=1,
    )  # fmt: skip
    return queue


def _make_node(text: str, number: int) -> Node:
    node = make_node(f"corpus-{number}", heartbeat_at=now(), cpu_percent=1.5, memory_bytes=1 << 30)
    is_lost = bool(number % 2)
    ended: dict[str, Any] = {"state": "LOST", "stopped_at": now()} if is_lost else {}
    write(
        node,
        name=cut(text, 110) + str(number),
        host=cut(text, 255),
        version=cut(text, 40),
        release=cut(text, 80),
        queues=[cut(text, 100)],
        end_reason=cut(text, 300) if is_lost else "",
        slots=[{"slot": 4_000, "running": 1, "taskId": None, "startedAt": None}],
        **ended,
    )
    make_sample(node)
    return node


def _make_declaration(text: str, number: int, node: Node) -> TypeDeclaration:
    """As a node would never send it: every part is hostile."""
    described = {"title": text, "description": text, "owner": text, "runbook": f"javascript:{text}"}
    nodes = [node] if number % 3 else []
    return make_declaration(cut(text, 200), nodes, **described, queue=text,
                            payloadSchema=payload_of(text), retryRule=text)  # fmt: skip


def _make_task(text: str, queue: Queue, node: Node) -> Task:
    """Failed, with a parent and a child, an attempt and log lines; a waiting and a running one of
    the same name stand beside it."""
    values: dict[str, Any] = {"name": cut(text, 200), "type": cut(text, 200), "queue": queue}
    task = make_task("FAILED", payload=payload_of(text), error=make_error(text), attempt=1)
    write(task, **values, result=payload_of(text), tags=[cut(text, 100)], step_key=cut(text, 100),
          idempotency_key=cut(text, 255), submitted_by=cut(f"key:{text}", 220))  # fmt: skip
    attempt = make_attempt(task, outcome="FAILED", node_id=node.id, error=make_error(text))
    write(attempt, type=cut(text, 200))
    write(make_log(task, text), level=cut(text, 8), fields=payload_of(text))
    for state in ("PENDING", "RUNNING"):
        place = {"node_id": node.id} if state == "RUNNING" else {}
        other = make_task(state, **place)
        write(other, **values, tags=[cut(text, 100)], created_at=now() - timedelta(minutes=9))
        TaskDependency.objects.create(task=other, depends_on=task, is_satisfied=True)
    child = make_task("COMPLETED", has_dependents=True)
    write(child, **values)
    TaskDependency.objects.create(task=task, depends_on=child, is_satisfied=True)
    return task


def _make_group(text: str, number: int, letter: DeadLetter) -> LetterGroup:
    write(letter, fingerprint=f"{number:016x}")
    state = "REGRESSED" if number % 2 else "MUTED"
    group = LetterGroup.objects.create(
        id=uuid7(), workspace_id=letter.workspace_id, fingerprint=f"{number:016x}",
        type=cut(text, 200), category="CODE", error_class=cut(text, 200), message=text,
        letters=1, deaths=1, first_seen=now(), last_seen=now(), first_version=cut(text, 40),
        first_release=cut(text, 80) if number % 4 < 2 else "", state=state,
        state_at=now(), state_by=cut(text, 200), state_reason=text,
        muted_until=now() + timedelta(days=1), regressed_versions=[cut(text, 40)],
        regressed_releases=[cut(text, 80)] if number % 4 < 2 else [],
    )  # fmt: skip
    GroupNote.objects.create(group=group, text=text, author=cut(text, 200))
    return group


def _make_operation(text: str) -> Operation:
    operation = make_operation()
    write(operation, reason=text, selection={"filter": {"search": text}}, created_by=cut(text, 200))
    (item,) = make_items(operation, {str(uuid7()): "FAILED"})
    write(item, detail=text)
    return operation


def _make_view(text: str, number: int) -> SavedView:
    view = make_view(name=f"view {number}", is_shared=True, is_pinned=True)
    filters = {"type": [cut(text, 200)], cut(text, 60): [text]}
    write(view, name=f"{cut(text, 70)} {number}", owner_label=cut(text, 200), filters=filters)
    return view


def _make_letter(text: str) -> DeadLetter:
    letter = make_letter()
    attempts = [
        {
            "attempt": 1,
            "outcome": text[:30],
            "workerNode": text,
            "error": make_error(text),
            "startedAt": None,
            "finishedAt": text,
        }
    ]
    write(
        letter,
        name=cut(text, 200),
        type=cut(text, 200),
        queue=cut(text, 100),
        tags=[text],
        error=make_error(text),
        attempts=attempts,
        payload=payload_of(text),
        step_key=cut(text, 100),
        workflow_run_id=uuid7(),
    )
    closed = make_letter()
    write(closed, name=cut(text, 200), status="DISCARDED", discard_reason=text, error={},
          resolved_by=cut(text, 200), resolved_at=now())  # fmt: skip
    return letter


def _make_replay(text: str, letter: DeadLetter) -> Replay:
    replay = start_replay(
        workspace_id=letter.workspace_id, letter_filter=LetterFilter(ids=(letter.id,)), actor=SYSTEM
    )
    write(
        replay,
        created_by=cut(text, 200),
        stop_reason=text,
        state="STOPPED",
        finished_at=now(),
        filter={"type": [text], "search": text},
        payload=payload_of(text),
        skips=[{"letterId": str(letter.id), "reason": text}],
        skipped=1,
    )
    return replay


def _make_schedule(text: str, number: int) -> list[Any]:
    schedule = make_job(f"corpus {number}")
    firing = triggering.trigger_schedule(
        workspace_id=schedule.workspace_id, schedule_id=schedule.id, actor=SYSTEM
    )
    write(firing, state="FAILED", detail=text, triggered_by=cut(text, 200), error=make_error(text),
          result=payload_of(text), finished_at=now())  # fmt: skip
    write(schedule, name=cut(text, 150), task_type=cut(text, 200), payload=payload_of(text),
          queue=cut(text, 100), created_by=cut(text, 200))  # fmt: skip
    PeriodicTask.objects.filter(pk=schedule.periodic_task_id).update(
        description=text, name=cut(text, 180) + str(number), task=cut(text, 200)
    )
    return [Schedule.objects.get(pk=schedule.pk), Firing.objects.get(pk=firing.pk)]


def _make_workflow(text: str, number: int) -> list[Any]:
    workflow = make_workflow(f"corpus {number}", APPROVAL)
    run = make_run(workflow)
    key = cut(text, 100)
    version = WorkflowVersion.objects.get(pk=run.version_id)
    steps = [{**APPROVAL[0], "payload": {"message": text}},
             {**APPROVAL[1], "name": text, "payload": payload_of(text)}]  # fmt: skip
    definition = {"tasks": steps, "inputSchema": {"type": "object", "title": text}}
    write(version, created_by=cut(text, 200), definition=definition)
    write(workflow, name=cut(text, 200), description=text, created_by=cut(text, 200))
    at = now()
    RunStep.objects.filter(run=run, key="send").update(
        state="FAILED", error=make_error(text), result=payload_of(text), decided_by=cut(text, 200),
        reason={"code": "FAILED", "message": text, "step": text}, started_at=at, finished_at=at,
        waits_for=0,
    )  # fmt: skip
    write(run, input=payload_of(text), started_by=cut(text, 200), state="FAILED", finished_at=at)
    write(run, error=make_error(text) | {"step": key}, parent_run_id=run.id, parent_step_key=key)
    return [Workflow.objects.get(pk=workflow.pk), WorkflowRun.objects.get(pk=run.pk)]


def _make_event(text: str) -> ScalingEvent:
    event = make_scaling_event(
        inputs=make_decision() | {"reason": text}, trigger="person", sentence=text or "-",
        outcome=text, actor_label=cut(text, 200), strategy=cut(text, 40), rule=cut(text, 20),
        constraint=cut(text, 20), backend=cut(text, 20),
    )  # fmt: skip
    write(event, victims=[{"name": text, "node": 1, "reason": text}])
    launch: Launch = make_launch(event)
    write(
        launch, key=cut(text, 200), problem=cut(text, 1000), state="FAILED", backend=cut(text, 20)
    )
    if text:
        set_pool(problem=cut(text, 1000), changed_by=cut(text, 200), changed_at=now())
        set_pool(manual_by=cut(text, 200), manual_workers=2)
        set_pool(backend=cut(text, 20), decided_at=now())
    return event


def _make_test(text: str, number: int) -> StressTest:
    test = make_stress_test(1, name=f"corpus {number}")
    report = {
        "sentence": text,
        "figures": {},
        "scaling": {},
        "checks": [
            {
                "name": text,
                "passed": False,
                "expected": text,
                "found": text,
                "sentence": text,
                "taskIds": [],
            }
        ],
    }
    write(test, name=cut(text, 200), created_by=cut(text, 200), stopped_by=cut(text, 200),
          stop_reason=text, state="STOPPED", finished_at=now(), environment={text: text},
          report=report, verdict="FAILED")  # fmt: skip
    return test


def _make_people(name: str, text: str, home: Workspace) -> list[Any]:
    key: ApiKey = key_client(name=f"key {name}").api_key
    write(key, name=cut(text, 200), created_by=cut(text, 200))
    user = get_user_model().objects.create_user(f"member {name}")
    write(
        user, username=cut(text, 130) + name[:20], first_name=cut(text, 150), email=cut(text, 254)
    )
    member = Membership.objects.create(workspace=home, user=user, role="viewer")
    event = AuditEvent.objects.create(
        workspace=home,
        actor_kind="user",
        actor_id=cut(text, 64),
        actor_label=cut(text, 200) or "-",
        action="queue.change",
        target_type="queue",
        target_id=cut(text, 200) or "-",
        detail={
            "before": {"paused": False, text: text},
            "after": {"paused": True, text: f"{text} "},
            "name": text,
            text: text,
            "reason": text,
        },
        request_id=cut(text, 64),
    )
    return [key, user, member, event]
