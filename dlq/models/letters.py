"""Dead letters: tasks that failed for good, kept apart from the tasks' own retention, and their
counts.

A letter has a copy of everything that explains the failure, so that it outlives its task. Only
`transitions.py` writes `status` and `rerun`.
"""

from django.db import models
from django.db.models import F, Q

from controlplane.core.clock import now
from controlplane.core.ids import uuid7
from controlplane.core.jsonb import JSONBField
from dlq.states import UNSETTLED, LetterRerun, LetterStatus
from tasks_app.states import ErrorCategory
from workers.naming import MAX_RELEASE


class DeadLetter(models.Model):
    """One final failure of one task. A task that is retried and fails again has another letter."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(
        "workspaces.Workspace",
        on_delete=models.DO_NOTHING,
        related_name="+",
        db_constraint=False,
        db_index=False,
    )
    task_id = models.UUIDField()
    attempt = models.IntegerField()  # the task's last; 0 when it never started
    name = models.CharField(max_length=200)
    type = models.CharField(max_length=200)
    queue = models.CharField(max_length=100)
    priority = models.SmallIntegerField(default=0)
    tags = models.JSONField(default=list)
    category = models.CharField(max_length=20, choices=ErrorCategory.choices)
    fingerprint = models.CharField(max_length=16)  # hex; the same for the same failure
    error = models.JSONField()  # {class, message, traceback, category}
    attempts = models.JSONField(default=list)  # each with its own error and traceback; bounded
    attempts_total = models.IntegerField(default=0)  # of which `attempts` may leave out the middle
    payload = JSONBField(default=dict)  # as it was
    # What a reprocessing takes over: {maxAttempts, timeoutMs, retry, onParentFailure}.
    task_options = models.JSONField(default=dict, db_column="terms")
    workflow_run_id = models.UUIDField(null=True)
    step_key = models.CharField(max_length=100, null=True)  # noqa: DJ001 - null costs no byte
    reprocess_of = models.UUIDField(null=True)  # the task whose work the dead one did again
    # Those of the node that ran the last attempt; empty when none did.
    worker_version = models.CharField(max_length=40, default="", db_default="")
    worker_release = models.CharField(max_length=MAX_RELEASE, default="", db_default="")
    status = models.CharField(
        max_length=11, choices=LetterStatus.choices, default=LetterStatus.OPEN
    )
    reprocessed_task_id = models.UUIDField(null=True)
    rerun = models.CharField(
        max_length=9, choices=LetterRerun.choices, default=LetterRerun.NONE, db_default=""
    )
    discard_reason = models.TextField(blank=True, default="")
    resolved_by = models.CharField(max_length=200, blank=True, default="")
    resolved_at = models.DateTimeField(null=True)
    died_at = models.DateTimeField()
    created_at = models.DateTimeField(default=now)

    class Meta:
        ordering = ["-id"]
        constraints = [
            # A task that is retried in place and cancelled again has no further attempt.
            models.UniqueConstraint(
                fields=["task_id", "attempt", "died_at"], name="letter_unique_death"
            ),
            models.CheckConstraint(
                name="letter_resolved_iff_not_open",
                condition=Q(status=LetterStatus.OPEN.value, resolved_at__isnull=True)
                | (~Q(status=LetterStatus.OPEN.value) & Q(resolved_at__isnull=False)),
            ),
            models.CheckConstraint(
                name="letter_reprocessed_has_task",
                condition=~Q(status=LetterStatus.REPROCESSED.value)
                | Q(reprocessed_task_id__isnull=False),
            ),
        ]
        indexes = [
            models.Index(fields=["workspace", "id"], name="letter_list"),
            # The open ones among many that are resolved.
            models.Index(
                fields=["workspace", "id"],
                name="letter_open",
                condition=Q(status=LetterStatus.OPEN.value),
            ),
            models.Index(
                fields=["workspace", "fingerprint", "id"],
                name="letter_open_group",
                condition=Q(status=LetterStatus.OPEN.value),
            ),
            models.Index(fields=["workspace", "died_at"], name="letter_by_day"),
            models.Index(
                fields=["reprocessed_task_id"],
                name="letter_of_repeat",
                condition=Q(reprocessed_task_id__isnull=False),
            ),
            # Whose new tasks may have ended since.
            models.Index(
                fields=["id"],
                name="letter_rerun",
                condition=Q(status=LetterStatus.REPROCESSED.value, rerun=LetterRerun.NONE.value),
            ),
            # Whose work is not known to be done, in a group.
            models.Index(
                fields=["workspace", "fingerprint", "type"],
                name="letter_unsettled",
                condition=Q(
                    status=LetterStatus.REPROCESSED.value,
                    rerun__in=UNSETTLED,
                ),
            ),
            # How many were open at an earlier time.
            models.Index(
                fields=["workspace", "resolved_at"],
                name="letter_resolved",
                condition=Q(resolved_at__isnull=False),
            ),
            # What retention asks.
            models.Index(fields=["died_at"], name="letter_age"),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.task_id}"


class LetterCount(models.Model):
    """How many letters of a workspace are of one kind: the sum of the folded changes. Exact
    together with LetterCountChange; a trigger notes each change.

    `kind` says what `name` is: of all letters the STATUS or the DAY (UTC) of the death; of open
    ones the CATEGORY, the TYPE, or the fingerprint of a GROUP. A GROUP_TYPE has both fingerprint
    and type. Only there is `type` not empty.
    """

    pk = models.CompositePrimaryKey("workspace_id", "kind", "name", "type")
    workspace_id = models.UUIDField()
    kind = models.CharField(max_length=10)
    name = models.CharField(max_length=200)
    type = models.CharField(max_length=200)
    letters = models.BigIntegerField()
    latest = models.DateTimeField()  # the last death that was counted, also if it no longer is

    class Meta:
        indexes = [
            models.Index(
                F("workspace_id"),
                F("letters").desc(),
                F("latest").desc(),
                name="lettercount_groups",
                condition=Q(kind="GROUP"),
            ),
            # What can be removed.
            models.Index(fields=["workspace_id"], name="lettercount_empty", condition=Q(letters=0)),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.name}: {self.letters}"


class LetterCountChange(models.Model):
    """A change of counts, appended in the transaction that made it. The dispatcher folds it."""

    id = models.BigAutoField(primary_key=True)
    workspace_id = models.UUIDField()
    kind = models.CharField(max_length=10)
    name = models.CharField(max_length=200)
    type = models.CharField(max_length=200)
    letters = models.BigIntegerField()
    latest = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["workspace_id", "kind", "name"], name="lettercountchange_name")
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.name}: {self.letters:+}"
