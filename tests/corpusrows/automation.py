"""Schedules, workflows, decisions of the autoscaler and stress tests, full of one text."""

from typing import Any

from django_celery_beat.models import PeriodicTask

from controlplane.core.clock import now
from controlplane.ops.schedules import triggering
from controlplane.ops.schedules.models import Firing, Schedule
from controlplane.ops.stress.models import StressTest
from controlplane.workspaces.actors import SYSTEM
from scaling.models import Launch, ScalingEvent
from tests.corpus import cut
from tests.corpusrows.fields import make_error, payload_of, write
from tests.factories import (
    make_decision,
    make_job,
    make_launch,
    make_run,
    make_scaling_event,
    make_stress_test,
    make_workflow,
    set_pool,
)
from tests.factories.workflows import APPROVAL
from workflows.models import RunStep, Workflow, WorkflowRun, WorkflowVersion


def hostile_schedule(text: str, number: int) -> list[Any]:
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


def hostile_workflow(text: str, number: int) -> list[Any]:
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


def hostile_event(text: str) -> ScalingEvent:
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


def hostile_test(text: str, number: int) -> StressTest:
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
