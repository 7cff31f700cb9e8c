# ruff: noqa: N815 - fields have their names in the API
"""Figures and groups as JSON."""

from typing import Any

from rest_framework import serializers

from controlplane.core.serializers import UtcDateTimeField
from dlq.selectors.stats import DAYS_SHOWN, MAX_COUNTED, MOST_GROUPS
from tasks_app.states import ErrorCategory


class GroupErrorSerializer(serializers.Serializer[Any]):
    """The failure of the newest letter of a group."""

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        fields = super().get_fields()
        fields["class"] = serializers.CharField(source="error_class", allow_null=True)
        return fields

    message = serializers.CharField(allow_null=True)


class GroupSerializer(serializers.Serializer[Any]):
    """Open letters of the same failure."""

    fingerprint = serializers.CharField()
    category = serializers.ChoiceField(choices=ErrorCategory.choices)
    error = GroupErrorSerializer(source="*")
    types = serializers.ListField(child=serializers.CharField(), help_text="The first twenty.")
    count = serializers.IntegerField()
    firstSeenAt = UtcDateTimeField(source="first_seen")
    lastSeenAt = UtcDateTimeField(source="last_seen")
    letterId = serializers.UUIDField(source="letter_id", help_text="The newest of them.")


class LetterStatsSerializer(serializers.Serializer[Any]):
    """What the dead letters of the workspace have in common."""

    open = serializers.IntegerField()
    total = serializers.IntegerField()
    byStatus = serializers.DictField(source="by_status", child=serializers.IntegerField())
    byCategory = serializers.DictField(
        source="by_category", child=serializers.IntegerField(), help_text="Open ones."
    )
    byType = serializers.DictField(
        source="by_type", child=serializers.IntegerField(), help_text="Open ones."
    )
    byDay = serializers.DictField(
        source="by_day",
        child=serializers.IntegerField(),
        help_text=f"Deaths of the last {DAYS_SHOWN} days (UTC), whatever became of the letters.",
    )
    oldestOpenAt = UtcDateTimeField(source="oldest_open", allow_null=True)
    groups = GroupSerializer(
        many=True, help_text=f"The {MOST_GROUPS} greatest groups of open letters."
    )
    isEstimate = serializers.BooleanField(
        source="is_estimate", help_text=f"Only the newest {MAX_COUNTED} letters were counted."
    )
