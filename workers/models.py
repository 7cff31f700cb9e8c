"""Worker nodes. One row per incarnation: a node that comes back is a new row."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from controlplane.core.clock import now
from controlplane.core.ids import uuid7
from workers.naming import MAX_RELEASE
from workers.states import LIVE, NodeState


class Node(models.Model):
    """One run of one worker process. Integer id: it is stamped on every leased task row."""

    id = models.AutoField(primary_key=True)
    incarnation = models.UUIDField(unique=True, default=uuid7, editable=False)
    # `worker#id`: unique, and the same everywhere. See `workers.naming`.
    name = models.CharField(max_length=120)
    host = models.CharField(max_length=255)
    pid = models.PositiveIntegerField()
    version = models.CharField(max_length=40)  # of Taskplane
    release = models.CharField(max_length=MAX_RELEASE, default="", db_default="", blank=True)
    # The digest of the processors that it declares; empty: it does not say. Kept by the tasks.
    declares = models.CharField(max_length=64, default="", db_default="", blank=True)
    queues = ArrayField(models.CharField(max_length=100))
    concurrency = models.PositiveSmallIntegerField()
    health_port = models.PositiveIntegerField(null=True)
    state = models.CharField(max_length=10, choices=NodeState.choices, default=NodeState.STARTING)
    # The dispatcher compares this counter with its own clock; the time is for people.
    heartbeat = models.BigIntegerField(default=0)
    heartbeat_at = models.DateTimeField(default=now)
    started_at = models.DateTimeField(default=now)
    stopped_at = models.DateTimeField(null=True)
    # Why it ended. Set before the state when a back-end sees the end of the process first.
    end_reason = models.CharField(max_length=300, default="", blank=True)
    stale_writes = models.BigIntegerField(default=0)
    # Tasks that were taken back from it when it had ended, charged with an attempt or not.
    rescued = models.BigIntegerField(default=0)
    # Kept when the node is lost: the incarnation that follows it drains too.
    drain_requested_at = models.DateTimeField(null=True)
    # The id of the incarnation before, when that was declared lost while its worker lived on.
    replaces = models.IntegerField(null=True)
    # The agent's counters at the last heartbeat. See workers.counters for their meanings.
    running = models.PositiveIntegerField(default=0)
    processed = models.BigIntegerField(default=0)
    failed = models.BigIntegerField(default=0)
    slots = models.JSONField(default=list)
    # As of the newest sample; null before the first.
    cpu_percent = models.FloatField(null=True)
    memory_bytes = models.BigIntegerField(null=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                name="node_stopped_at_iff_ended",
                condition=models.Q(
                    state__in=[s.value for s in sorted(LIVE)], stopped_at__isnull=True
                )
                | models.Q(
                    state__in=[NodeState.STOPPED.value, NodeState.LOST.value],
                    stopped_at__isnull=False,
                ),
            ),
        ]
        indexes = [
            models.Index(
                fields=["name"],
                name="node_live",
                condition=models.Q(state__in=[s.value for s in sorted(LIVE)]),
            )
        ]

    def __str__(self) -> str:
        return self.name


class NodeSample(models.Model):
    """The work, CPU and memory of a node at one moment. Its agent appends samples; they are thinned
    with age."""

    node = models.ForeignKey(Node, on_delete=models.CASCADE, related_name="samples", db_index=False)
    at = models.DateTimeField()
    # Seconds that this sample represents: 0 when it was taken, then services.THINNING.
    grain_seconds = models.PositiveSmallIntegerField(default=0)
    cpu_percent = models.FloatField()  # of one core, over all processes of the worker
    memory_bytes = models.BigIntegerField()  # PSS where the system reports it, else RSS; of all
    running = models.PositiveIntegerField()
    processed = models.BigIntegerField()  # since the node began
    failed = models.BigIntegerField()

    class Meta:
        ordering = ["-at"]
        indexes = [
            models.Index(fields=["node", "at"], name="node_sample_trend"),
            models.Index(fields=["grain_seconds", "at"], name="node_sample_age"),
        ]

    def __str__(self) -> str:
        return f"{self.node_id} at {self.at:%Y-%m-%d %H:%M:%S}"
