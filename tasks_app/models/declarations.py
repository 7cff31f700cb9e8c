"""What nodes declare of their processors, and what people say about queues. Declarations are
shared by all nodes with the same code, and written only when one is new."""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models

from controlplane.core.clock import now
from controlplane.core.jsonb import JSONBField
from tasks_app.descriptors import MAX_OWNER, MAX_RUNBOOK, MAX_TITLE
from tasks_app.models.tasks import Queue


class TypeDeclaration(models.Model):
    """A task type as one version of the code declares it. Never changed."""

    type = models.CharField(max_length=200)
    digest = models.CharField(max_length=64)
    content = JSONBField()  # as Declaration.to_json()
    # When a set that has it was made. Those of no set are removed a year after.
    last_declared_at = models.DateTimeField(default=now)

    class Meta:
        verbose_name = "task type"
        ordering = ["type", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["type", "digest"], name="typedeclaration_once")
        ]

    def __str__(self) -> str:
        return self.type


class DeclaredSet(models.Model):
    """All that a node declares. `Node.declares` has its digest."""

    digest = models.CharField(max_length=64, primary_key=True)
    members = ArrayField(models.BigIntegerField())  # ids of declarations
    # When a node with it began, or the last one so far ended.
    last_declared_at = models.DateTimeField(default=now)

    class Meta:
        indexes = [GinIndex(fields=["members"], name="declaredset_members")]

    def __str__(self) -> str:
        return self.digest[:12]


class QueueDescriptor(models.Model):
    """What people say about a queue. A row of its own: every claim writes that of the queue."""

    queue = models.OneToOneField(
        Queue, on_delete=models.CASCADE, primary_key=True, related_name="descriptor"
    )
    title = models.CharField(max_length=MAX_TITLE, default="", blank=True)
    description = models.TextField(default="", blank=True)
    owner = models.CharField(max_length=MAX_OWNER, default="", blank=True)
    runbook = models.CharField(max_length=MAX_RUNBOOK, default="", blank=True)

    def __str__(self) -> str:
        return self.title or str(self.queue_id)
