# ruff: noqa: N815 - fields have their names in the API
"""Why a step or a run failed, as JSON."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from tasks_app.states import ErrorCategory


class StepErrorSerializer(serializers.Serializer[Any]):
    """Why a step failed: what every failure has, and what its kind adds."""

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        fields = super().get_fields()
        # `class` is a word of Python, and `errors` one of serializers.
        fields["class"] = serializers.CharField(help_text="The exception's class.")
        fields["errors"] = serializers.ListField(
            child=serializers.DictField(child=serializers.CharField()),
            required=False,
            help_text="What was refused, as {field, message}.",
        )
        return fields

    message = serializers.CharField()
    category = serializers.ChoiceField(choices=ErrorCategory.choices)
    taskId = serializers.UUIDField(
        required=False, help_text="The task that failed; its page has the traceback."
    )
    item = serializers.IntegerField(
        required=False, help_text="Of a forEach: the first item that failed, counted from 0."
    )
    items = serializers.IntegerField(required=False, help_text="Of a forEach: how many.")
    itemsFailed = serializers.IntegerField(
        required=False, help_text="Of a forEach: how many did not complete."
    )
    runId = serializers.UUIDField(
        required=False, help_text="Of a sub-workflow: the run that failed."
    )


class RunErrorSerializer(StepErrorSerializer):
    """Why a run failed: the error of its first step that failed."""

    step = serializers.CharField(help_text="The key of the step.")


@extend_schema_field(StepErrorSerializer)
class StepErrorField(serializers.JSONField):
    """As it was kept."""


@extend_schema_field(RunErrorSerializer)
class RunErrorField(serializers.JSONField):
    """As it was kept."""
