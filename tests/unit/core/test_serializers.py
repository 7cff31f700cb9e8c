"""Serializers that take nothing they do not know."""

from datetime import UTC, datetime
from typing import Any

import pytest
from rest_framework import serializers

from controlplane.core.http.fieldpaths import flatten
from controlplane.core.http.serializers import StrictSerializer, UtcDateTimeField


class Item(StrictSerializer):
    type = serializers.CharField()
    size = serializers.IntegerField(default=1)


class Order(StrictSerializer):
    id = serializers.CharField(read_only=True)
    item = Item(required=False)
    items = Item(many=True, required=False)
    at = UtcDateTimeField(required=False)


def errors_of(data: Any) -> list[tuple[str, str]]:
    order = Order(data=data)
    order.is_valid()
    return [(e["field"], e["message"]) for e in flatten(order.errors)]


def test_known_fields_pass() -> None:
    assert errors_of({"item": {"type": "a"}, "items": [{"type": "b", "size": 2}]}) == []


def test_unknown_fields_are_named_with_their_path() -> None:
    assert errors_of({"colour": 1}) == [("colour", "Unknown field.")]
    assert errors_of({"item": {"type": "a", "foo": 1}}) == [("item.foo", "Unknown field.")]
    items = [{"type": "a"}, {"type": "a", "foo": 1}]
    assert errors_of({"items": items}) == [("items[1].foo", "Unknown field.")]


def test_unknown_and_wrong_are_reported_together() -> None:
    assert errors_of({"items": [{"size": "x", "foo": 1}], "bar": 0}) == [
        ("items[0].type", "This field is required."),
        ("items[0].size", "A valid integer is required."),
        ("items[0].foo", "Unknown field."),
        ("bar", "Unknown field."),
    ]


def test_what_only_the_server_sets_is_refused() -> None:
    assert errors_of({"id": "x"}) == [("id", "This field cannot be set.")]


@pytest.mark.parametrize("data", [[], "text", 5, None, True])
def test_what_is_no_object_is_one_error(data: Any) -> None:
    assert len(errors_of(data)) == 1


def test_a_long_name_is_shortened() -> None:
    ((name, _),) = errors_of({"x" * 100_000: 1})
    assert len(name) == 100


def test_times_leave_as_utc() -> None:
    order = Order(data={"at": "2026-06-01T10:00:00+02:00"})
    assert order.is_valid()
    assert order.validated_data["at"] == datetime(2026, 6, 1, 8, tzinfo=UTC)
    assert UtcDateTimeField().to_representation(order.validated_data["at"]) == (
        "2026-06-01T08:00:00.000Z"
    )
    assert errors_of({"at": "0001-01-01T00:00:00+23:00"})[0][0] == "at"
