"""Workspaces, members, API keys and the audit log."""

from datetime import timedelta

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from controlplane.core.clock import now
from controlplane.core.ids import uuid7
from controlplane.core.visibletext import isolated_text
from controlplane.workspaces.states import ActorKind, Role


class Workspace(models.Model):
    """A tenant. Every task, queue, key and member belongs to one; never deleted."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    slug = models.CharField(max_length=63, unique=True)
    name = models.CharField(max_length=200)
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        ordering = ["slug"]
        constraints = [
            models.CheckConstraint(
                name="workspace_slug_is_a_label",
                condition=Q(slug__regex=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"),
                violation_error_message="Lower-case letters, digits and hyphens inside.",
            ),
            models.CheckConstraint(name="workspace_has_name", condition=~Q(name="")),
        ]

    def __str__(self) -> str:
        return self.slug


class Membership(models.Model):
    """A user's role in a workspace."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="memberships")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="memberships",
        db_index=False,
    )
    role = models.CharField(max_length=8, choices=Role.choices)
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        ordering = ["workspace", "id"]
        constraints = [
            # The user first: a request asks for the workspaces of one user.
            models.UniqueConstraint(fields=["user", "workspace"], name="membership_unique"),
            models.CheckConstraint(name="membership_role_known", condition=Q(role__in=Role.values)),
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.workspace}: {self.role}"


class ApiKey(models.Model):
    """A program's identity. The secret is shown once; only its SHA-256 is kept."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(
        Workspace, on_delete=models.PROTECT, related_name="api_keys", db_index=False
    )
    name = models.CharField(max_length=200)
    prefix = models.CharField(max_length=16, unique=True, editable=False)  # `tp_` and 8 characters
    secret_hash = models.CharField(max_length=64, editable=False)  # SHA-256 of the whole key, hex
    role = models.CharField(max_length=8, choices=Role.choices)
    # `tasks:read`, `tasks:write`, `*:read`; none: everything that the role may do.
    scopes = ArrayField(models.CharField(max_length=64), default=list, blank=True)
    created_by = models.CharField(max_length=200, editable=False)
    created_at = models.DateTimeField(default=now, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, editable=False)  # within a minute
    revoked_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ["-id"]
        verbose_name = "API key"
        constraints = [
            models.CheckConstraint(name="apikey_role_known", condition=Q(role__in=Role.values)),
            models.CheckConstraint(
                name="apikey_prefix_shape", condition=Q(prefix__regex=r"^tp_[0-9a-z]{8}$")
            ),
            models.CheckConstraint(
                name="apikey_hash_is_sha256",
                condition=Q(secret_hash__regex=r"^[0-9a-f]{64}$"),  # noqa: S106 - a pattern
            ),
            models.CheckConstraint(
                name="apikey_expires_after_creation",
                condition=Q(expires_at__isnull=True) | Q(expires_at__gt=F("created_at")),
            ),
            models.CheckConstraint(
                name="apikey_revoked_after_creation",
                condition=Q(revoked_at__isnull=True) | Q(revoked_at__gte=F("created_at")),
            ),
        ]
        indexes = [models.Index(fields=["workspace", "id"], name="apikey_list")]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


# Between the id of an event and the time beside it.
ID_SLACK = timedelta(minutes=1)


class AuditEvent(models.Model):
    """Who did what to what, and when. Append-only: a trigger refuses every change."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(
        Workspace, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    actor_kind = models.CharField(max_length=6, choices=ActorKind.choices)
    actor_id = models.CharField(max_length=64, blank=True)
    actor_label = models.CharField(max_length=200)
    action = models.CharField(max_length=100)  # `task.cancel`
    target_type = models.CharField(max_length=50)
    target_id = models.CharField(max_length=200)
    detail = models.JSONField(default=dict)
    # The id of the request, or the cause of work outside one: `operation:<id>`.
    request_id = models.CharField(max_length=64, blank=True)
    # `page`, `api`, `command`; empty: the platform itself, or before this was recorded.
    door = models.CharField(max_length=7, blank=True, default="", db_default="")
    ip = models.GenericIPAddressField(null=True)
    created_at = models.DateTimeField(default=now)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                name="audit_actor_kind_known", condition=Q(actor_kind__in=ActorKind.values)
            ),
            models.CheckConstraint(
                name="audit_says_what",
                condition=~Q(action="") & ~Q(target_type="") & ~Q(actor_label=""),
            ),
        ]
        indexes = [
            models.Index(fields=["workspace", "id"], name="audit_list"),
            models.Index(
                fields=["workspace", "target_type", "target_id", "id"], name="audit_of_target"
            ),
            models.Index(fields=["workspace", "action", "id"], name="audit_of_action"),
            models.Index(fields=["workspace", "actor_id", "id"], name="audit_of_actor"),
            models.Index(
                fields=["workspace", "request_id"],
                name="audit_of_request",
                condition=~Q(request_id=""),
            ),
            # What the platform does by itself can be most of the log.
            models.Index(
                fields=["workspace", "id"],
                name="audit_of_people",
                condition=~Q(actor_kind=ActorKind.SYSTEM.value) | Q(door="command"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.target_type} {isolated_text(self.target_id)}"
