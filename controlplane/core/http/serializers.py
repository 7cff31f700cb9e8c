"""Serializers that take nothing they do not know."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from rest_framework import serializers

from controlplane.core.clock import utc_z
from controlplane.core.errors import Invalid
from controlplane.core.times import parse_bound, parse_time

UNKNOWN = "Unknown field."
READ_ONLY = "This field cannot be set."
_NAME_SHOWN = 100


class StrictSerializer(serializers.Serializer[Any]):
    """A request whose unknown fields are errors that name them, at every depth, beside whatever
    else is wrong.

    `values_without_unknown` has the values when nothing but unknown fields is wrong with them.
    """

    values_without_unknown: Any = None

    def to_internal_value(self, data: Any) -> Any:
        unknown = self._unknown(data)
        try:
            value = super().to_internal_value(data)
        except serializers.ValidationError as error:
            if unknown and isinstance(error.detail, dict):
                raise serializers.ValidationError({**error.detail, **unknown}) from error
            raise
        if unknown:
            raise serializers.ValidationError({**self._cross_field_errors(value), **unknown})
        return value

    def _cross_field_errors(self, value: Any) -> dict[str, Any]:
        """What `validate` refuses, which REST framework does not call once a field is wrong."""
        if not value:
            return {}  # what it would say is that something must be given
        try:
            self.values_without_unknown = self.validate(value)
        except Invalid as error:
            return {found["field"]: [found["message"]] for found in error.errors}
        except serializers.ValidationError as error:
            return dict(serializers.as_serializer_error(error))
        return {}

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
