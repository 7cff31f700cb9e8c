"""Definitions of workflows, their runs, and the steps of runs.

The work of a run is ordinary tasks; these tables have only what the engine lacks. Only
`transitions.py` writes `state`.
"""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from controlplane.core.clock import now
from controlplane.core.ids import uuid7
from controlplane.core.jsonb import JSONBField
from workflows.states import RunState, StepState


class Workflow(models.Model):
    """A named definition; `version` is the newest of its versions. Deleted ones keep their runs."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(
        "workspaces.Workspace", on_delete=models.PROTECT, related_name="+", db_index=False
    )
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True, default="")
    version = models.IntegerField(default=1)
    # What the newest version runs, by name or id, as far as that is known before a run.
    sub_workflows = ArrayField(models.TextField(), default=list)
    created_by = models.CharField(max_length=200)
    created_at = models.DateTimeField(default=now)
    updated_at = models.DateTimeField(default=now)
    deleted_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "name"],
                name="workflow_unique_name",
                condition=Q(deleted_at__isnull=True),
            ),
            models.CheckConstraint(name="workflow_version_positive", condition=Q(version__gt=0)),
        ]
        indexes = [models.Index(fields=["workspace", "id"], name="workflow_list")]

    def __str__(self) -> str:
        return self.name


class WorkflowVersion(models.Model):
    """One version of a definition. Never changed: a run keeps the version it started with."""

    id = models.BigAutoField(primary_key=True)
    workflow = models.ForeignKey(Workflow, on_delete=models.CASCADE, related_name="versions")
    version = models.IntegerField()
    definition = JSONBField()  # {tasks: [...], inputSchema: {...} | null}, as submitted
    created_by = models.CharField(max_length=200)
    created_at = models.DateTimeField(default=now)

    class Meta:
        ordering = ["-version"]
        constraints = [
            models.UniqueConstraint(fields=["workflow", "version"], name="workflow_version_unique")
        ]

    def __str__(self) -> str:
        return f"version {self.version}"


class WorkflowRun(models.Model):
    """One execution of one version with one input."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(
        "workspaces.Workspace", on_delete=models.PROTECT, related_name="+", db_index=False
    )
    workflow = models.ForeignKey(
        Workflow, on_delete=models.PROTECT, related_name="runs", db_index=False
    )
    version = models.ForeignKey(
        WorkflowVersion, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    state = models.CharField(max_length=9, choices=RunState.choices)
    input = JSONBField(default=dict)
    error = models.JSONField(null=True)  # {step, class, message, category} of the first cause
    steps_total = models.IntegerField()
    steps_ended = models.IntegerField(default=0)
    depth = models.SmallIntegerField(default=0)  # how many runs above it
    parent_run_id = models.UUIDField(null=True)  # the run whose step this is
    parent_step_key = models.CharField(max_length=100, null=True)  # noqa: DJ001 - null costs no byte
    rerun_of = models.UUIDField(null=True)  # the run whose input this one edited
    started_by = models.CharField(max_length=200)
    cancel_requested_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=now)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                name="run_finished_at_iff_ended",
                condition=Q(state=RunState.RUNNING.value, finished_at__isnull=True)
                | (~Q(state=RunState.RUNNING.value) & Q(finished_at__isnull=False)),
            ),
            models.CheckConstraint(
                name="run_steps_ended_bounded",
                condition=Q(steps_ended__gte=0, steps_ended__lte=models.F("steps_total")),
            ),
        ]
        indexes = [
            models.Index(fields=["workspace", "id"], name="run_list"),
            models.Index(fields=["workflow", "id"], name="run_of_workflow"),
            # For the check of open steps, and for retention.
            models.Index(fields=["id"], name="run_open", condition=Q(state=RunState.RUNNING.value)),
            models.Index(
                fields=["finished_at"], name="run_ended", condition=Q(finished_at__isnull=False)
            ),
            models.Index(
                fields=["parent_run_id"],
                name="run_of_parent",
                condition=Q(parent_run_id__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.workflow_id} run {self.id}"


class RunStep(models.Model):
    """One step of one run."""

    id = models.BigAutoField(primary_key=True)
    run = models.ForeignKey(
        WorkflowRun, on_delete=models.CASCADE, related_name="steps", db_index=False
    )
    key = models.CharField(max_length=100)
    position = models.IntegerField()  # in the definition's topological order, from 0
    state = models.CharField(max_length=9, choices=StepState.choices)
    waits_for = models.IntegerField(default=0)  # parents that have not ended
    reason = models.JSONField(null=True)  # {code, message, step?} of SKIPPED and CANCELLED
    is_list = models.BooleanField(default=False)  # a forEach: its result is a list
    task_ids = ArrayField(models.UUIDField(), default=list)  # in the order of the items
    join_id = models.UUIDField(null=True)  # the task that closes the step when its tasks have ended
    child_run_id = models.UUIDField(null=True)  # of a sub-workflow step
    result = JSONBField(null=True)
    result_bytes = models.IntegerField(default=0)  # of JSON; above the limit `result` is null
    error = models.JSONField(null=True)
    wait_until = models.DateTimeField(null=True)
    decided_by = models.CharField(max_length=200, blank=True, default="")  # of an approval
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["run", "key"], name="step_unique_key"),
            models.CheckConstraint(name="step_waits_for_steps", condition=Q(waits_for__gte=0)),
            models.CheckConstraint(
                name="step_finished_at_iff_ended",
                condition=Q(state__in=["PENDING", "RUNNING", "WAITING"], finished_at__isnull=True)
                | Q(
                    state__in=["COMPLETED", "FAILED", "SKIPPED", "CANCELLED"],
                    finished_at__isnull=False,
                ),
            ),
        ]
        indexes = [
            # The watch over steps whose tasks have ended and whose join has not come.
            models.Index(
                fields=["id"], name="step_open", condition=Q(state__in=["RUNNING", "WAITING"])
            ),
        ]

    def __str__(self) -> str:
        return f"{self.key} of {self.run_id}"
