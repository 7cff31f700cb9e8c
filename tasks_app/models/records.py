"""What is on record of a task: tags, attempts, dependencies, log lines. No foreign-key constraints,
as in `tasks.py`."""

from django.contrib.postgres.indexes import BrinIndex, OpClass
from django.db import models
from django.db.models import F, Q

from controlplane.core.jsonb import JSONBField
from tasks_app.models.tasks import Task
from tasks_app.states import AttemptOutcome


class TaskTag(models.Model):
    """A tag of a task, to list tasks by. Triggers write it when a task is made and removed."""

    pk = models.CompositePrimaryKey("workspace_id", "tag", "task_id")
    workspace_id = models.UUIDField()
    tag = models.CharField(max_length=100)
    task_id = models.UUIDField()
    type = models.CharField(max_length=200)  # of the task: internal ones are not counted

    def __str__(self) -> str:
        return f"{self.tag} of {self.task_id}"


class TaskAttempt(models.Model):
    """One attempt that started, with its one outcome. Append-only."""

    pk = models.CompositePrimaryKey("task_id", "attempt")
    task = models.ForeignKey(
        Task,
        on_delete=models.DO_NOTHING,
        related_name="attempts",
        db_constraint=False,
        db_index=False,
    )
    attempt = models.IntegerField()
    workspace_id = models.UUIDField()
    queue_id = models.IntegerField()
    type = models.CharField(max_length=200)
    node_id = models.IntegerField()
    outcome = models.CharField(max_length=11, choices=AttemptOutcome.choices)
    error = models.JSONField(null=True)
    wait_ms = models.BigIntegerField()  # from ready (submitted or due) to started
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField()

    class Meta:
        ordering = ["attempt"]
        constraints = [
            models.CheckConstraint(name="attempt_numbered_from_one", condition=Q(attempt__gt=0)),
            models.CheckConstraint(
                name="attempt_ends_after_start", condition=Q(finished_at__gte=F("started_at"))
            ),
        ]
        indexes = [
            # Attempts arrive in the order of their end: a few pages index a year.
            BrinIndex(fields=["finished_at"], name="attempt_by_time", autosummarize=True),
            # The pages with attempts of a node.
            BrinIndex(
                OpClass(F("node_id"), name="int4_bloom_ops"),
                name="attempt_of_node",
                autosummarize=True,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.task_id} attempt {self.attempt}"


class TaskDependency(models.Model):
    """An edge: `task` waits for `depends_on`. `is_satisfied` makes the release happen once."""

    pk = models.CompositePrimaryKey("task_id", "depends_on_id")
    task = models.ForeignKey(
        Task,
        on_delete=models.DO_NOTHING,
        related_name="dependencies",
        db_constraint=False,
        db_index=False,
    )
    depends_on = models.ForeignKey(
        Task,
        on_delete=models.DO_NOTHING,
        related_name="dependents",
        db_constraint=False,
        db_index=False,
    )
    is_satisfied = models.BooleanField(default=False)

    class Meta:
        indexes = [models.Index(fields=["depends_on"], name="dependency_of_parent")]

    def __str__(self) -> str:
        return f"{self.task_id} waits for {self.depends_on_id}"


class TaskLog(models.Model):
    """One line that a handler logged."""

    id = models.BigAutoField(primary_key=True)
    task = models.ForeignKey(
        Task,
        on_delete=models.DO_NOTHING,
        related_name="logs",
        db_constraint=False,
        db_index=False,
    )
    attempt = models.IntegerField()
    at = models.DateTimeField()
    level = models.CharField(max_length=8)
    message = models.TextField()
    fields = JSONBField(default=dict)

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["task", "id"], name="log_of_task")]

    def __str__(self) -> str:
        return f"{self.level} {self.message[:80]}"
