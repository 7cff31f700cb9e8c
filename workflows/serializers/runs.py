# ruff: noqa: N815 - fields have their names in the API
"""Runs and their steps as JSON."""

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any
from uuid import UUID

from rest_framework import serializers

from controlplane.core.errors import Invalid
from controlplane.core.serializers import StrictSerializer, UtcDateTimeField
from tasks_app.serializers.fields import TextField
from workflows.queries.run_view import get_results
from workflows.queries.runs import get_progress
from workflows.runs.operations import MAX_COMMENT_LENGTH
from workflows.serializers.errors import RunErrorField, StepErrorField
from workflows.states import ReasonCode, RunState, StepKind, StepState

MAX_STEPS_SHOWN = 1_000
MAX_TASKS_SHOWN = 1_000


class _RunListSerializer(serializers.ListSerializer[Any]):
    def to_representation(self, data: Any) -> list[Any]:
        runs = list(data)
        if runs and isinstance(self.child, RunSerializer):
            self.child.percentages = get_progress(runs[0].workspace_id, runs)
        return super().to_representation(runs)


class RunSerializer(serializers.Serializer[Any]):
    """A run in a list."""

    class Meta:
        list_serializer_class = _RunListSerializer

    percentages: Mapping[UUID, float] = MappingProxyType({})  # by run: set by who serializes it

    runId = serializers.UUIDField(source="id")
    workflowId = serializers.UUIDField(source="workflow_id")
    workflowName = serializers.CharField(source="workflow.name")
    version = serializers.IntegerField(source="version.version")
    status = serializers.ChoiceField(source="state", choices=RunState.choices)
    progress = serializers.SerializerMethodField(
        help_text="Percent: the mean over its steps, of which one that is open counts the share of "
        "its tasks that have ended. 100 only when the run has ended."
    )
    input = serializers.JSONField()
    error = RunErrorField(allow_null=True, help_text="Of the step that failed first.")
    startedBy = serializers.CharField(source="started_by")
    rerunOf = serializers.UUIDField(source="rerun_of", allow_null=True)
    parentRunId = serializers.UUIDField(source="parent_run_id", allow_null=True)
    parentStepKey = serializers.CharField(source="parent_step_key", allow_null=True)
    cancelRequested = serializers.SerializerMethodField()
    stepsTotal = serializers.IntegerField(source="steps_total")
    stepsEnded = serializers.IntegerField(source="steps_ended")
    createdAt = UtcDateTimeField(source="created_at")
    finishedAt = UtcDateTimeField(source="finished_at", allow_null=True)

    def get_progress(self, run: Any) -> float:
        return self.percentages[run.id]

    def get_cancelRequested(self, run: Any) -> bool:  # noqa: N802 - named after its field
        return run.cancel_requested_at is not None


class ReasonSerializer(serializers.Serializer[Any]):
    """Why a step did not run."""

    code = serializers.ChoiceField(choices=ReasonCode.choices)
    message = serializers.CharField(help_text="For people.")
    step = serializers.CharField(required=False, help_text="The step that it is due to.")


class StepSerializer(serializers.Serializer[Any]):
    """One step of a run."""

    key = serializers.CharField()
    name = serializers.CharField()
    kind = serializers.ChoiceField(choices=StepKind.choices)
    status = serializers.ChoiceField(source="state", choices=StepState.choices)
    dependsOn = serializers.ListField(source="depends_on", child=serializers.CharField())
    taskIds = serializers.SerializerMethodField(
        help_text=f"The first {MAX_TASKS_SHOWN}, in the order of the items; "
        "all: `GET /tasks?workflowRunId=`."
    )
    tasksTotal = serializers.IntegerField(source="tasks_total")
    tasksEnded = serializers.IntegerField(source="tasks_ended")
    reason = serializers.SerializerMethodField()
    error = StepErrorField(allow_null=True)
    waitUntil = UtcDateTimeField(source="wait_until", allow_null=True)
    decidedBy = serializers.CharField(
        source="decided_by", help_text="Who approved or rejected it; empty until then."
    )
    childRunId = serializers.UUIDField(source="child_run_id", allow_null=True)
    startedAt = UtcDateTimeField(source="started_at", allow_null=True)
    finishedAt = UtcDateTimeField(source="finished_at", allow_null=True)

    def get_taskIds(self, step: Any) -> list[str]:  # noqa: N802 - named after its field
        return [str(each) for each in step.task_ids[:MAX_TASKS_SHOWN]]

    def get_reason(self, step: Any) -> dict[str, Any] | None:
        return dict(step.reason) if step.reason else None


class StepDetailSerializer(StepSerializer):
    """A step with what it gave."""

    result = serializers.JSONField(
        allow_null=True,
        help_text="In a run: up to 64 KiB a step and 1 MiB in all; the step itself has all of it.",
    )
    resultBytes = serializers.IntegerField(help_text="As JSON; 0 without a result.")


class RunDetailSerializer(RunSerializer):
    """A run with its steps, in an order in which each stands behind what it waits for."""

    steps = StepDetailSerializer(many=True, help_text=f"At most {MAX_STEPS_SHOWN}.")
    nextStepsAfter = serializers.CharField(
        allow_null=True, help_text="For `stepsAfter`, when there are more steps."
    )


class DecisionSerializer(StrictSerializer):
    """Words to a decision."""

    comment = TextField(required=False, default="", allow_blank=True, max_length=MAX_COMMENT_LENGTH)

    def get_initial(self) -> dict[str, Any]:
        """What the browsable API's form begins with."""
        return {"comment": "Looks right."}


class RunFilterSerializer(StrictSerializer):
    """Which runs of one workflow."""

    status = serializers.CharField(required=False, default="")

    def validate_status(self, text: str) -> tuple[str, ...]:
        names = tuple(filter(None, (part.strip() for part in text.split(","))))
        if not set(names) <= set(RunState.values):
            raise serializers.ValidationError(f"One of {', '.join(RunState.values)}; by comma.")
        return names


class AllRunsFilterSerializer(RunFilterSerializer):
    """Which runs."""

    workflowId = serializers.UUIDField(source="workflow_id", required=False, default=None)


def represent_run(view: Any, *, steps_after: str | None = None) -> dict[str, Any]:
    """A described run as JSON, with its steps from behind the one named.

    Raises Invalid: it has no step of that key.
    """
    steps = _steps_behind(view.steps, steps_after)
    shown = steps[:MAX_STEPS_SHOWN]
    serializer = RunSerializer(view.run)
    serializer.percentages = {view.run.id: view.progress}
    run = dict(serializer.data)
    results = get_results(view.run.workspace_id, view.run.id, [step.key for step in shown])
    return {
        **run,
        "steps": [represent_step(step, results.get(step.key)) for step in shown],
        "nextStepsAfter": shown[-1].key if len(steps) > len(shown) else None,
    }


def represent_step(step: Any, result: Any) -> dict[str, Any]:
    """A step as JSON; `result` is its StepResult or None."""
    return {
        **_serializer().to_representation(step),
        "result": result.value if result else None,
        "resultBytes": result.size if result else 0,
    }


@cache
def _serializer() -> StepSerializer:
    # Making one copies its fields, which takes longer than using it.
    return StepSerializer()


def _steps_behind(steps: list[Any], key: str | None) -> list[Any]:
    if not key:
        return steps
    for position, step in enumerate(steps):
        if step.key == key:
            return steps[position + 1 :]
    message = "The run has no step of this key."
    raise Invalid(errors=[{"field": "stepsAfter", "message": message}])
