"""Dead letters: tasks that failed for good, kept apart from the tasks' own retention.

A letter has a copy of everything that explains the failure, so that it outlives its task. Only
`transitions.py` writes `status`, `rerun` and `state`.
"""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from controlplane.core.clock import now
from controlplane.core.ids import uuid7
from controlplane.core.jsonb import JSONBField
from dlq.states import UNSETTLED, GroupState, LetterRerun, LetterStatus, ReplayState
from tasks_app.batches import Batch, BatchItem
from tasks_app.states import ErrorCategory


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
    # Of the node that ran the last attempt; empty when none did.
    worker_version = models.CharField(max_length=40, default="", db_default="")
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


class LetterGroup(models.Model):
    """The letters of one failure of one task type, and what people decided about them.

    The trigger that counts letters makes the row with the first letter. `letters`, `deaths`,
    `last_seen` and `last_version` follow with the counts: see LetterCountChange.
    """

    id = models.UUIDField(primary_key=True, editable=False)  # of its first letter
    workspace = models.ForeignKey(
        "workspaces.Workspace",
        on_delete=models.DO_NOTHING,
        related_name="+",
        db_constraint=False,
        db_index=False,
    )
    fingerprint = models.CharField(max_length=16)
    type = models.CharField(max_length=200)
    category = models.CharField(max_length=20, choices=ErrorCategory.choices)
    error_class = models.CharField(max_length=200, default="")
    message = models.TextField(default="")  # the beginning of that of the first letter
    letters = models.BigIntegerField(default=0)  # open ones
    deaths = models.BigIntegerField(default=0)
    first_seen = models.DateTimeField()
    last_seen = models.DateTimeField()
    first_version = models.CharField(max_length=40, default="")
    last_version = models.CharField(max_length=40, default="")
    state = models.CharField(max_length=12, choices=GroupState.choices, default=GroupState.OPEN)
    state_at = models.DateTimeField()
    state_by = models.CharField(max_length=200, default="")  # empty: the dispatcher
    state_reason = models.TextField(default="")
    version = models.IntegerField(default=0)  # rises with each decision
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        related_name="+",
        null=True,
    )
    owned_at = models.DateTimeField(null=True)
    ticket = models.CharField(max_length=500, default="")
    acknowledged_deaths = models.BigIntegerField(null=True)  # how many there were then
    muted_until = models.DateTimeField(null=True)
    muted_above = models.BigIntegerField(null=True)  # more open letters end the mute
    # Of the nodes on which the tasks died after the group was resolved.
    regressed_versions = ArrayField(models.CharField(max_length=40), default=list)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "fingerprint", "type"], name="lettergroup_once"
            ),
            models.CheckConstraint(
                name="lettergroup_mute_has_end",
                condition=~Q(state=GroupState.MUTED.value)
                | Q(muted_until__isnull=False)
                | Q(muted_above__isnull=False),
            ),
        ]
        indexes = [
            models.Index(fields=["workspace", "last_seen", "id"], name="lettergroup_newest"),
            models.Index(fields=["workspace", "letters", "id"], name="lettergroup_largest"),
            # What is not resolved among much that is.
            models.Index(
                fields=["workspace", "last_seen", "id"],
                name="lettergroup_unresolved",
                condition=~Q(state=GroupState.RESOLVED.value),
            ),
            models.Index(
                fields=["workspace", "state_at"],
                name="lettergroup_resolved",
                condition=Q(state=GroupState.RESOLVED.value),
            ),
            # What may have been resolved since, and whose mute may have ended.
            models.Index(
                fields=["id"],
                name="lettergroup_empty",
                condition=~Q(state=GroupState.RESOLVED.value) & Q(letters=0),
            ),
            models.Index(
                fields=["workspace"],
                name="lettergroup_muted",
                condition=Q(state=GroupState.MUTED.value),
            ),
            # What retention asks.
            models.Index(fields=["last_seen"], name="lettergroup_age"),
        ]

    def __str__(self) -> str:
        return f"{self.error_class or self.category} {self.type}"


class GroupNote(models.Model):
    """What somebody wrote about a group. Never changed."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    group = models.ForeignKey(
        LetterGroup, on_delete=models.CASCADE, related_name="notes", db_index=False
    )
    text = models.TextField()
    author = models.CharField(max_length=200)
    created_at = models.DateTimeField(default=now)

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["group", "id"], name="groupnote_list")]

    def __str__(self) -> str:
        return self.text[:80]


class Replay(Batch):
    """The reprocessing of many letters, in stages and at a rate."""

    state = models.CharField(max_length=9, choices=ReplayState.choices, default=ReplayState.RUNNING)
    # The filter or ids of the request.
    filter = models.JSONField(db_column="wanted")
    payload = JSONBField(null=True)  # instead of each letter's own
    max_attempts = models.IntegerField(null=True)
    stages = models.JSONField(default=list)  # sizes of the canary's stages, [5, 50]; then the rest
    max_failure_share = models.FloatField(default=0.2)  # 0…1 of a stage; above it the replay stops
    stage = models.IntegerField(default=0)  # index into stages; len(stages) is the rest
    matched = models.IntegerField(default=0)  # letters that matched when it began
    succeeded = models.IntegerField(default=0)
    failed = models.IntegerField(default=0)  # also cancelled and deleted
    skipped = models.IntegerField(default=0)  # no longer open, or no longer valid
    skips = models.JSONField(default=list)  # the first of them: [{letterId, reason}]
    after_id = models.UUIDField(null=True)  # the last letter that was submitted or skipped
    until_id = models.UUIDField(null=True)  # the last letter that matched when it began

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                name="replay_finished_iff_ended",
                condition=Q(state=ReplayState.RUNNING.value, finished_at__isnull=True)
                | (~Q(state=ReplayState.RUNNING.value) & Q(finished_at__isnull=False)),
            ),
            models.CheckConstraint(
                name="replay_share_is_share",
                condition=Q(max_failure_share__gte=0, max_failure_share__lte=1),
            ),
        ]
        indexes = [
            models.Index(fields=["workspace", "id"], name="replay_list"),
            models.Index(
                fields=["id"], name="replay_running", condition=Q(state=ReplayState.RUNNING.value)
            ),
        ]

    def __str__(self) -> str:
        return f"replay {self.id}"


class ReplayTask(BatchItem):
    """One letter that a replay has reprocessed, and the task that does its work again."""

    replay = models.ForeignKey(
        Replay, on_delete=models.CASCADE, related_name="items", db_index=False
    )
    letter_id = models.UUIDField()

    class Meta:
        constraints = [
            # A letter is submitted once.
            models.UniqueConstraint(fields=["replay", "letter_id"], name="replaytask_once")
        ]
        indexes = [
            models.Index(
                fields=["replay", "stage"], name="replaytask_open", condition=Q(outcome="")
            ),
            models.Index(fields=["replay", "id"], name="replaytask_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.letter_id} as {self.task_id}"


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
