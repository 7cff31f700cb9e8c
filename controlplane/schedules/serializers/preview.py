"""The next times of a schedule that need not exist."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from controlplane.core.serializers import StrictSerializer, UtcDateTimeField

MOST_PREVIEWED = 100


class PreviewRequestSerializer(StrictSerializer):
    """Which schedule, and how many of its times."""

    schedule = serializers.CharField(
        max_length=200, help_text="As in a job: cron fields, a name, `@every 15m`, a time."
    )
    timezone = serializers.CharField(default="UTC", max_length=100)
    count = serializers.IntegerField(default=10, min_value=1, max_value=MOST_PREVIEWED)


class PreviewTimeSerializer(serializers.Serializer[Any]):
    """One nominal time."""

    utc = UtcDateTimeField()
    local = serializers.SerializerMethodField(
        help_text="The clock of the schedule's zone, with its offset."
    )

    @extend_schema_field(OpenApiTypes.DATETIME)
    def get_local(self, time: Any) -> str:
        return str(time.local.isoformat(timespec="seconds"))


class PreviewSerializer(serializers.Serializer[Any]):
    """The next times, fewer than asked for where there are no more."""

    schedule = serializers.CharField()
    timezone = serializers.CharField()
    words = serializers.CharField(help_text="The schedule for people.")
    note = serializers.CharField(
        allow_null=True, help_text="Parts of the schedule that have no effect."
    )
    times = PreviewTimeSerializer(many=True)

    @staticmethod
    def times_of(times: Any) -> Any:
        """Only the times, as JSON."""
        return PreviewTimeSerializer(times, many=True).data
