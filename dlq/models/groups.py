"""Groups of dead letters, and notes about them. Only `transitions.py` writes `state`."""

from datetime import datetime

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from controlplane.core.clock import now
from controlplane.core.ids import uuid7
from dlq.states import GroupState
from tasks_app.states import ErrorCategory
from workers.naming import MAX_RELEASE, name_code


class LetterGroup(models.Model):
    """The letters of one failure of one task type, and what people decided about them.

    The trigger that counts letters makes the row with the first letter. `letters`, `deaths`,
    `last_seen`, `last_version` and `last_release` follow with the counts: see LetterCountChange.
    Versions are Taskplane's, releases those of the user's code; each empty where none is known.
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
    first_release = models.CharField(max_length=MAX_RELEASE, default="", db_default="")
    last_release = models.CharField(max_length=MAX_RELEASE, default="", db_default="")
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
    regressed_at = models.DateTimeField(null=True)  # when the dispatcher reopened it last
    # Those of the nodes on which tasks died after the group was resolved.
    regressed_versions = ArrayField(models.CharField(max_length=40), default=list)
    regressed_releases = ArrayField(models.CharField(max_length=MAX_RELEASE), default=list)

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

    @property
    def first_code(self) -> str:
        """What the node ran on which the first task died."""
        return name_code(self.first_release, self.first_version)

    @property
    def last_code(self) -> str:
        """What the node ran on which the last task died."""
        return name_code(self.last_release, self.last_version)

    @property
    def began_at(self) -> datetime:
        """When it began, or began again. The release before wrote no `regressed_at`."""
        is_back = self.state == GroupState.REGRESSED
        return self.regressed_at or (self.state_at if is_back else self.first_seen)

    @property
    def regressed_code(self) -> list[str]:
        """What the nodes ran on which tasks died after the group was resolved."""
        return self.regressed_releases or [name_code("", each) for each in self.regressed_versions]


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
