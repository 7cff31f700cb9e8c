# ruff: noqa: N815 - fields have their names in the API
"""JSON of workspaces."""

from typing import Any

from rest_framework import serializers

from controlplane.core.serializers import BoundField, StrictSerializer, TimeField, UtcDateTimeField
from controlplane.workspaces.states import ActorKind, Role


class WorkspaceSerializer(serializers.Serializer[Any]):
    """Where the caller of a request works, and as what."""

    id = serializers.UUIDField(source="workspace.id")
    slug = serializers.CharField(source="workspace.slug")
    name = serializers.CharField(source="workspace.name")
    role = serializers.ChoiceField(
        choices=Role.choices, source="actor.role", help_text="Your role here."
    )
    createdAt = UtcDateTimeField(source="workspace.created_at")


class ApiKeySerializer(serializers.Serializer[Any]):
    """An API key without its secret, which nobody can read again."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    prefix = serializers.CharField(help_text="The part of the key that may be seen.")
    role = serializers.ChoiceField(choices=Role.choices)
    scopes = serializers.ListField(child=serializers.CharField())
    createdBy = serializers.CharField(source="created_by")
    createdAt = UtcDateTimeField(source="created_at")
    expiresAt = UtcDateTimeField(source="expires_at", allow_null=True)
    lastUsedAt = UtcDateTimeField(
        source="last_used_at", allow_null=True, help_text="Correct to about a minute."
    )
    revokedAt = UtcDateTimeField(source="revoked_at", allow_null=True)


class CreatedApiKeySerializer(ApiKeySerializer):
    """The answer to a creation: the only one that ever holds the key."""

    key = serializers.CharField(help_text="Shown this once. Keep it like a password.")


class ApiKeyRequestSerializer(StrictSerializer):
    """A key to be made."""

    name = serializers.CharField(max_length=200)
    role = serializers.ChoiceField(choices=Role.choices, default=Role.OPERATOR)
    scopes = serializers.ListField(
        child=serializers.CharField(max_length=64),
        default=list,
        max_length=50,
        help_text="Like `tasks:read`; `write` includes `read`, `*` is any resource; none: all.",
    )
    expiresAt = TimeField(source="expires_at", allow_null=True, default=None)


class AuditQuerySerializer(StrictSerializer):
    """Filters of the audit log."""

    action = serializers.CharField(required=False)
    actorId = serializers.CharField(source="actor_id", required=False)
    targetType = serializers.CharField(source="target_type", required=False)
    targetId = serializers.CharField(source="target_id", required=False)
    createdAfter = BoundField(required=False)
    createdBefore = BoundField(required=False)


class ActorSerializer(serializers.Serializer[Any]):
    """Who did it."""

    kind = serializers.ChoiceField(choices=ActorKind.choices, source="actor_kind")
    id = serializers.CharField(source="actor_id")
    name = serializers.CharField(source="actor_label")


class AuditEventSerializer(serializers.Serializer[Any]):
    """One event of the audit log."""

    id = serializers.UUIDField()
    actor = ActorSerializer(source="*")
    action = serializers.CharField()
    targetType = serializers.CharField(source="target_type")
    targetId = serializers.CharField(source="target_id")
    detail = serializers.DictField()
    requestId = serializers.CharField(source="request_id")
    ip = serializers.IPAddressField(allow_null=True)
    createdAt = UtcDateTimeField(source="created_at")
