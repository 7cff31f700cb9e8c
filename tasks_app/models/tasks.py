"""Tasks and their history.

The hot tables carry no foreign-key constraints in the database: a check per inserted row costs
more than the insert, and their parents (queue, workspace) are never deleted. Only
`transitions.py` writes `state`.
"""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from controlplane.core.clock import now
from controlplane.core.ids import uuid7
from controlplane.core.jsonb import JSONBField
from controlplane.workspaces.actors import MAX_SUBMITTER
from tasks_app.models.conditions import (
    BY_PERSON,
    DUE,
    DURATION,
    ERROR_CLASS,
    LONG,
)
from tasks_app.models.constraints import TASK_CONSTRAINTS
from tasks_app.states import ParentFailure, TaskState


class Queue(models.Model):
    """One workspace's share of a named queue: its pause, its limits, its position in the claim
    order."""

    id = models.AutoField(primary_key=True)
    workspace = models.ForeignKey(
        "workspaces.Workspace", on_delete=models.PROTECT, related_name="+"
    )
    name = models.CharField(max_length=100)
    paused_at = models.DateTimeField(null=True, blank=True)
    paused_by = models.CharField(max_length=200, blank=True, default="")
    pause_reason = models.CharField(max_length=500, blank=True, default="", db_default="")
    max_running = models.PositiveIntegerField(null=True, blank=True)
    rate_per_second = models.FloatField(null=True, blank=True)
    # The token bucket of rate_per_second: how many starts were left at rate_at.
    rate_tokens = models.FloatField(default=0)
    rate_at = models.DateTimeField(default=now)
    created_at = models.DateTimeField(default=now)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["workspace", "name"], name="queue_unique_name"),
            models.CheckConstraint(
                name="queue_max_running_positive",
                condition=Q(max_running__isnull=True) | Q(max_running__gt=0),
            ),
            models.CheckConstraint(
                name="queue_rate_positive",
                condition=Q(rate_per_second__isnull=True) | Q(rate_per_second__gt=0),
            ),
        ]
        indexes = [models.Index(fields=["name", "id"], name="queue_lanes")]

    def __str__(self) -> str:
        return self.name


class Task(models.Model):
    """One submitted unit of work."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(
        "workspaces.Workspace",
        on_delete=models.DO_NOTHING,
        related_name="+",
        db_constraint=False,
        db_index=False,
    )
    queue = models.ForeignKey(
        Queue, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False
    )
    type = models.CharField(max_length=200)
    name = models.CharField(max_length=200)
    state = models.CharField(max_length=10, choices=TaskState.choices)
    priority = models.SmallIntegerField(default=0)
    payload = JSONBField(default=dict)
    result = JSONBField(null=True)
    error = models.JSONField(null=True)  # {class, message, traceback, category} of the last failure

    attempt = models.IntegerField(default=0)  # attempts started so far
    max_attempts = models.IntegerField()  # ceiling of `attempt`; a lost or snoozed one raises it
    round_attempts = models.IntegerField()  # attempts that an operator's retry grants
    lost_count = models.SmallIntegerField(default=0)  # attempts that took their worker with them
    retry = models.JSONField(null=True)  # the task's own retry policy, over its type's
    timeout_ms = models.IntegerField()

    progress = models.FloatField(default=0)  # percent
    run_at = models.DateTimeField(null=True)  # not before
    blocked_by = models.IntegerField(default=0)  # parents not yet satisfied
    has_dependents = models.BooleanField(default=False)
    on_parent_failure = models.CharField(
        max_length=6, choices=ParentFailure.choices, default=ParentFailure.CANCEL
    )
    tags = ArrayField(models.CharField(max_length=100), default=list)
    workflow_run_id = models.UUIDField(null=True)
    step_key = models.CharField(max_length=100, null=True)  # noqa: DJ001 - null costs no byte
    idempotency_key = models.CharField(max_length=255, null=True)  # noqa: DJ001 - as above
    reprocess_of = models.UUIDField(null=True)  # the task whose work this one repeats
    # The kind and the label of an actor; null: code that did not say who, or an earlier version.
    submitted_by = models.CharField(max_length=MAX_SUBMITTER, null=True)  # noqa: DJ001 - as above

    lease = models.UUIDField(null=True)
    node_id = models.IntegerField(null=True)
    cancel_requested_at = models.DateTimeField(null=True)

    created_at = models.DateTimeField(default=now)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        constraints = TASK_CONSTRAINTS
        indexes = [
            # The claim: highest priority, then oldest, of one lane.
            models.Index(
                F("queue"),
                F("priority").desc(),
                F("id"),
                name="task_ready",
                condition=Q(state=TaskState.PENDING.value),
            ),
            # The promotion of due tasks.
            models.Index(fields=["run_at"], name="task_due", condition=Q(state__in=DUE)),
            # The tasks of a queue that wait for a time or for parents: counted for every view of
            # it.
            models.Index(
                fields=["queue", "state"],
                name="task_held",
                condition=Q(state__in=[TaskState.BLOCKED.value, *DUE]),
            ),
            # max_running of a queue, and the rescue of a node's leases.
            models.Index(
                fields=["queue", "node_id"],
                name="task_running",
                condition=Q(state=TaskState.RUNNING.value),
            ),
            # What a node has to interrupt: nearly always empty.
            models.Index(
                fields=["node_id"],
                name="task_cancelling",
                condition=Q(state=TaskState.RUNNING.value, cancel_requested_at__isnull=False),
            ),
            # Lists of a workspace, newest first.
            models.Index(fields=["workspace", "id"], name="task_list"),
            models.Index(
                fields=["workspace", "id"],
                name="task_trouble",
                condition=Q(state__in=[TaskState.FAILED.value, TaskState.CANCELLED.value]),
            ),
            # The newest failures of one queue, however many others fail.
            models.Index(
                fields=["queue", "id"],
                name="task_failed",
                condition=Q(state=TaskState.FAILED.value),
            ),
            # Lists by the time of the end, and by how long the last attempt took. The first without
            # the workspace: every end adds to it, and new ones then come last, which costs a third.
            # For a workspace with few tasks the planner sorts them all instead.
            models.Index(
                fields=["finished_at"],
                name="task_finished",
                condition=Q(finished_at__isnull=False),
            ),
            models.Index(
                F("workspace"),
                DURATION,
                F("id"),
                name="task_duration",
                condition=LONG,
            ),
            # Failures by class. A class has no bound, and an entry of an index has.
            models.Index(
                F("workspace"),
                ERROR_CLASS,
                F("id"),
                name="task_error_class",
                condition=Q(error__isnull=False),
            ),
            models.Index(
                fields=["workflow_run_id", "id"],
                name="task_of_run",
                condition=Q(workflow_run_id__isnull=False),
            ),
            models.Index(
                fields=["reprocess_of"],
                name="task_reprocess_of",
                condition=Q(reprocess_of__isnull=False),
            ),
            # What a person submitted. Keys, schedules and workflows submit nearly all: their tasks
            # pay for no entry.
            models.Index(
                fields=["workspace", "submitted_by", "id"],
                name="task_of_person",
                condition=BY_PERSON,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.id}"


class IdempotencyKey(models.Model):
    """The first response to a creating call, stored so that a repeated call gets it again."""

    id = models.BigAutoField(primary_key=True)
    workspace_id = models.UUIDField()
    key = models.CharField(max_length=255)
    body_hash = models.BinaryField(max_length=32)
    answer = models.JSONField()
    created_at = models.DateTimeField(default=now)
    expires_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace_id", "key"], name="idempotency_unique_key")
        ]
        indexes = [models.Index(fields=["expires_at"], name="idempotency_expiry")]

    def __str__(self) -> str:
        return self.key


class Leader(models.Model):
    """The leader of a kind of loop, and the end of its lead. A row with a term, since a session
    lock outlives a frozen holder."""

    name = models.CharField(max_length=50, primary_key=True)
    holder = models.UUIDField()
    holder_label = models.CharField(max_length=200)
    term = models.BigIntegerField(default=1)
    acquired_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    last_pass_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.name}: {self.holder_label}"
