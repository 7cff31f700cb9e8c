"""The sources of statistics: counts of existing tasks, roll-ups and samples of each minute."""

from django.contrib.postgres.indexes import BrinIndex
from django.db import models


class TaskCount(models.Model):
    """How many tasks of one type exist in one queue, and how many have ended by outcome: the sum of
    the folded changes. Exact together with TaskCountChange."""

    pk = models.CompositePrimaryKey("workspace_id", "queue_id", "type")
    workspace_id = models.UUIDField()
    queue_id = models.IntegerField()
    type = models.CharField(max_length=200)
    existing = models.BigIntegerField()
    completed = models.BigIntegerField()
    failed = models.BigIntegerField()
    cancelled = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.type}: {self.existing}"


class TaskCountChange(models.Model):
    """A change of counts, appended in the transaction that made it. The dispatcher folds it."""

    id = models.BigAutoField(primary_key=True)
    workspace_id = models.UUIDField()
    queue_id = models.IntegerField()
    type = models.CharField(max_length=200)
    existing = models.IntegerField()
    completed = models.IntegerField()
    failed = models.IntegerField()
    cancelled = models.IntegerField()

    def __str__(self) -> str:
        return f"{self.type}: {self.existing:+}"


class Rollup(models.Model):
    """What happened in one minute or hour to one type in one queue: counts that add up."""

    pk = models.CompositePrimaryKey("workspace_id", "seconds", "at", "queue_id", "type")
    workspace_id = models.UUIDField()
    seconds = models.SmallIntegerField()  # the length: 60 or 3600
    at = models.DateTimeField()  # its beginning
    queue_id = models.IntegerField()
    type = models.CharField(max_length=200)
    submitted = models.BigIntegerField()
    started = models.BigIntegerField()
    completed = models.BigIntegerField()
    failed = models.BigIntegerField()  # attempts; those that were retried or lost are among them
    failed_tasks = models.BigIntegerField(default=0, db_default=0)  # tasks that ended so
    retried = models.BigIntegerField()
    lost = models.BigIntegerField()
    cancelled = models.BigIntegerField()
    run_ms = models.FloatField()  # sums
    wait_ms = models.FloatField()
    longest_run_ms = models.FloatField(null=True)
    longest_wait_ms = models.FloatField(null=True)
    runs = models.JSONField()  # counts by bucket of controlplane/core/runtime/histograms.py
    waits = models.JSONField()

    class Meta:
        indexes = [models.Index(fields=["seconds", "at"], name="rollup_by_time")]

    def __str__(self) -> str:
        return f"{self.type} {self.at}"


class RollupMark(models.Model):
    """How far the roll-ups are complete but for late commits. One row, whose lock lets one
    dispatcher at a time recompute."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    until = models.DateTimeField()

    def __str__(self) -> str:
        return str(self.until)


class MinuteSample(models.Model):
    """The workers at the beginning of a minute. A minute without a row was not sampled: then
    nothing is known of its queues either."""

    at = models.DateTimeField(primary_key=True)
    nodes = models.IntegerField()  # those that take work
    slots = models.IntegerField()

    def __str__(self) -> str:
        return str(self.at)


class QueueSample(models.Model):
    """What waited and ran in one queue at the beginning of a minute. A queue in which nothing waits
    and nothing runs has no row."""

    pk = models.CompositePrimaryKey("queue_id", "at")
    queue_id = models.IntegerField()
    at = models.DateTimeField()
    waiting = models.BigIntegerField()  # ready tasks
    running = models.BigIntegerField()
    oldest_wait_ms = models.BigIntegerField(null=True)  # null: none is ready

    class Meta:
        # Samples arrive in the order of time: what is past its retention is found by few pages.
        indexes = [BrinIndex(fields=["at"], name="queue_sample_by_time", autosummarize=True)]

    def __str__(self) -> str:
        return f"{self.queue_id} {self.at}"
