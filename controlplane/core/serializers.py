"""Serializers that take nothing they do not know."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from rest_framework import serializers

from controlplane.core.clock import utc_z
from controlplane.core.times import parse_bound, parse_time

UNKNOWN = "Unknown field."
READ_ONLY = "This field cannot be set."
_NAME_SHOWN = 100


class StrictSerializer(serializers.Serializer[Any]):
    """A request whose unknown fields are errors that name them, at every depth."""

    def to_internal_value(self, data: Any) -> Any:
        unknown = self._unknown(data)
        try:
            value = super().to_internal_value(data)
        except serializers.ValidationError as error:
            if unknown and isinstance(error.detail, dict):
                raise serializers.ValidationError({**error.detail, **unknown}) from error
            raise
        if unknown:
            raise serializers.ValidationError(unknown)
        return value

    def _unknown(self, data: Any) -> dict[str, list[str]]:
        if not isinstance(data, Mapping):
            return {}
        fields = self.fields
        return {
            str(name)[:_NAME_SHOWN]: [UNKNOWN if name not in fields else READ_ONLY]
            for name in data
            if name not in fields or fields[name].read_only
        }


class UtcDateTimeField(serializers.DateTimeField):
    """RFC 3339 with any offset in; UTC with `Z` and milliseconds out."""

    def to_representation(self, value: datetime) -> str:
        return utc_z(value)


class TimeField(UtcDateTimeField):
    """A time with its zone."""

    parse = staticmethod(parse_time)

    def to_internal_value(self, value: Any) -> datetime:
        try:
            return self.parse(value)
        except ValueError as error:
            raise serializers.ValidationError(str(error)) from None


class BoundField(TimeField):
    """A time with its zone, which limits others."""

    parse = staticmethod(parse_bound)
