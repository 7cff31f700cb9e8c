"""Replays of dead letters. Only `transitions.py` writes `state`."""

from django.db import models
from django.db.models import Q

from controlplane.core.jsonb import JSONBField
from dlq.states import ReplayState
from tasks_app.batches import Batch, BatchItem


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
        return f"Replay {self.id}"


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
