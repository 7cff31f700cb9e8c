"""Worker nodes. One row per incarnation: a node that comes back is a new row."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from controlplane.core.clock import now
from controlplane.core.ids import uuid7
from workers.states import LIVE, NodeState


class Node(models.Model):
    """One run of one worker process. Integer id: it is stamped on every leased task row."""

    id = models.AutoField(primary_key=True)
    incarnation = models.UUIDField(unique=True, default=uuid7, editable=False)
    name = models.CharField(max_length=100)
    host = models.CharField(max_length=255)
    pid = models.PositiveIntegerField()
    version = models.CharField(max_length=40)
    queues = ArrayField(models.CharField(max_length=100))
    concurrency = models.PositiveSmallIntegerField()
    health_port = models.PositiveIntegerField(null=True)
    state = models.CharField(max_length=10, choices=NodeState.choices, default=NodeState.STARTING)
    # The dispatcher compares this counter with its own clock; the time is for people.
    heartbeat = models.BigIntegerField(default=0)
    heartbeat_at = models.DateTimeField(default=now)
    started_at = models.DateTimeField(default=now)
    stopped_at = models.DateTimeField(null=True)
    stale_writes = models.BigIntegerField(default=0)

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
        return f"{self.name}#{self.id}"
