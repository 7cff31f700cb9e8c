# ruff: noqa: N815 - fields have their names in the API
"""Bulk actions."""

from typing import Any

from rest_framework import serializers

from controlplane.core.serializers import StrictSerializer
from tasks_app.filters import TaskFilter, filter_of_body
from tasks_app.serializers.fields import FlagField, WholeNumberField

ACTIONS = ("cancel", "retry", "reprioritize", "delete")
MAX_IDS = 10_000


class ActionRequestSerializer(StrictSerializer):
    """What to do with which tasks: `ids`, or a `filter` with the names of the list's parameters.

    A filter that names every task needs `"all": true`.
    """

    action = serializers.ChoiceField(choices=ACTIONS)
    ids = serializers.ListField(
        child=serializers.UUIDField(), required=False, min_length=1, max_length=MAX_IDS
    )
    filter = serializers.DictField(
        required=False,
        help_text='Like `{"status": ["FAILED"], "type": "http-request"}`.',
    )
    all = FlagField(default=False)
    priority = WholeNumberField(required=False, min_value=-100, max_value=100)
    dryRun = FlagField(source="dry_run", default=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("ids" in attrs) == ("filter" in attrs):
            raise serializers.ValidationError({"ids": "Give ids or a filter, one of the two."})
        if (attrs["action"] == "reprioritize") != ("priority" in attrs):
            raise serializers.ValidationError(
                {"priority": "Needed by reprioritize, and by nothing else."}
            )
        wanted = (
            TaskFilter(ids=tuple(dict.fromkeys(attrs["ids"])))
            if "ids" in attrs
            else filter_of_body(attrs["filter"])
        )
        if wanted.is_empty and not attrs["all"]:
            raise serializers.ValidationError(
                {"filter": 'This names every task of the workspace: say so with "all": true.'}
            )
        return {**attrs, "wanted": wanted}


class ActionResultSerializer(serializers.Serializer[Any]):
    """How many tasks were meant, and how many changed."""

    matched = serializers.IntegerField(
        help_text="Tasks that were named and are in a state that the action applies to."
    )
    changed = serializers.IntegerField(help_text="0 of a dry run.")
    dryRun = serializers.BooleanField(source="is_dry_run")
    hasMore = serializers.BooleanField(
        source="has_more", help_text="The call's limit was reached: repeat it for the rest."
    )
