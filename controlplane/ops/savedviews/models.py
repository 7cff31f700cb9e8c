"""Saved views."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from controlplane.core.clock import now
from controlplane.core.ids import uuid7
from controlplane.core.visibletext import isolated_text
from controlplane.workspaces.states import ActorKind

MAX_NAME = 80


class SavedView(models.Model):
    """Filters, order and columns of a list under a name: its owner's, or shared with the workspace.
    `version` grows with every change."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(
        "workspaces.Workspace", on_delete=models.PROTECT, related_name="+", db_index=False
    )
    list_name = models.CharField(max_length=40)  # of a SavableList
    name = models.CharField(max_length=MAX_NAME)
    owner_kind = models.CharField(max_length=6, choices=ActorKind.choices)
    owner_id = models.CharField(max_length=64, blank=True)
    owner_label = models.CharField(max_length=200)
    is_shared = models.BooleanField(default=False)
    is_pinned = models.BooleanField(default=False)
    filters = models.JSONField(default=dict)  # lists of texts by name
    sort = models.CharField(max_length=60, blank=True, default="")
    columns = ArrayField(models.CharField(max_length=60), default=list, blank=True)
    version = models.IntegerField(default=1)
    created_at = models.DateTimeField(default=now, editable=False)
    updated_at = models.DateTimeField(default=now)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                "workspace",
                "list_name",
                Lower("name"),
                name="savedview_shared_name",
                condition=Q(is_shared=True),
            ),
            models.UniqueConstraint(
                "workspace",
                "owner_kind",
                "owner_id",
                "list_name",
                Lower("name"),
                name="savedview_own_name",
                condition=Q(is_shared=False),
            ),
            models.CheckConstraint(name="savedview_has_name", condition=~Q(name="")),
            models.CheckConstraint(
                name="savedview_owner_kind_known", condition=Q(owner_kind__in=ActorKind.values)
            ),
        ]
        indexes = [models.Index(fields=["workspace", "id"], name="savedview_list")]

    def __str__(self) -> str:
        return isolated_text(self.name)
