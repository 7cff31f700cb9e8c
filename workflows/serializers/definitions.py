# ruff: noqa: N815 - fields have their names in the API
"""Definitions as JSON.

What a definition must be is checked by `workflows.definitions`, which names the step and the
column; the request serializers here are for the OpenAPI schema and for the forms.
"""

from typing import Any

from rest_framework import serializers

from controlplane.core.errors import Invalid
from controlplane.core.serializers import StrictSerializer, UtcDateTimeField
from tasks_app.processors.registry import MAX_ATTEMPTS, MAX_TIMEOUT_SECONDS
from tasks_app.serializers.fields import NumberField, TextField, WholeNumberField
from tasks_app.serializers.parsing import one_key
from tasks_app.serializers.requests import RetryRequestSerializer
from workflows.states import OnFailure, RunState, StepKind

EXAMPLE_WORKFLOW: dict[str, Any] = {
    "name": "Order",
    "description": "Charges an order, then ships it when it is large enough.",
    "inputSchema": {
        "type": "object",
        "required": ["total"],
        "properties": {"total": {"type": "integer", "minimum": 0, "examples": [120]}},
    },
    "tasks": [
        {"key": "charge", "type": "noop", "name": "Charge the card", "payload": {}},
        {
            "key": "ship",
            "type": "noop",
            "dependsOn": ["charge"],
            "when": "input.total > 100",
            "onFailure": "continue",
        },
    ],
}


class StepRequestSerializer(StrictSerializer):
    """One step. `type` is a task type, or `wait`, `approval`, `workflow`."""

    key = TextField(
        required=False,
        max_length=100,
        help_text="Its name in expressions. Derived from the name when it is left out: `Load the "
        "data` becomes `load_the_data`.",
    )
    name = TextField(required=False, max_length=200)
    type = TextField(max_length=200)
    payload = serializers.DictField(
        required=False, help_text="May hold `{{ expression }}` in its texts."
    )
    queue = TextField(required=False, max_length=100)
    dependsOn = serializers.ListField(
        child=TextField(), required=False, help_text="Keys or names of steps."
    )
    when = TextField(required=False, help_text="An expression; the step is skipped when false.")
    forEach = serializers.JSONField(
        required=False, help_text="An expression that gives a list, or a list: a task per item."
    )
    priority = WholeNumberField(required=False, min_value=-100, max_value=100)
    maxAttempts = WholeNumberField(required=False, min_value=1, max_value=MAX_ATTEMPTS)
    timeoutSeconds = NumberField(required=False, min_value=0.001, max_value=MAX_TIMEOUT_SECONDS)
    onFailure = serializers.ChoiceField(choices=OnFailure.choices, default=OnFailure.FAIL)
    retry = RetryRequestSerializer(required=False)
    tags = serializers.ListField(child=TextField(max_length=100), required=False, max_length=50)


class WorkflowChangeSerializer(StrictSerializer):
    """A definition."""

    name = TextField(max_length=200)
    description = TextField(required=False)
    tasks = StepRequestSerializer(many=True, help_text="The steps.")
    inputSchema = serializers.DictField(
        required=False, allow_null=True, help_text="JSON Schema (2020-12) of a run's input."
    )

    def get_initial(self) -> dict[str, Any]:
        """What the browsable API's form begins with."""
        return dict(EXAMPLE_WORKFLOW)


class WorkflowRequestSerializer(WorkflowChangeSerializer):
    """A definition to store."""

    idempotencyKey = TextField(required=False, max_length=255)


class WorkflowSummarySerializer(serializers.Serializer[Any]):
    """A workflow in a list."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    description = serializers.CharField()
    version = serializers.IntegerField(help_text="The newest.")
    createdAt = UtcDateTimeField(source="created_at")
    updatedAt = UtcDateTimeField(source="updated_at")
    createdBy = serializers.CharField(source="created_by")


class WorkflowSerializer(serializers.Serializer[Any]):
    """A workflow with one version of its definition."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    description = serializers.CharField()
    version = serializers.IntegerField(help_text="The one shown here.")
    newestVersion = serializers.IntegerField()
    tasks = StepRequestSerializer(many=True)
    inputSchema = serializers.DictField(allow_null=True)
    createdAt = UtcDateTimeField()
    updatedAt = UtcDateTimeField(help_text="When the version shown here was made.")
    createdBy = serializers.CharField(help_text="Who made the version shown here.")


class VersionSerializer(serializers.Serializer[Any]):
    """One version of a definition, without it."""

    version = serializers.IntegerField()
    createdAt = UtcDateTimeField(source="created_at")
    createdBy = serializers.CharField(source="created_by")


class CheckedStepSerializer(serializers.Serializer[Any]):
    """One step of a definition that is in order."""

    key = serializers.CharField()
    kind = serializers.ChoiceField(choices=StepKind.choices)
    dependsOn = serializers.ListField(child=serializers.CharField(), source="depends_on")


class ValidationSerializer(serializers.Serializer[Any]):
    """A definition that is in order; one that is not is a 422."""

    valid = serializers.BooleanField()
    steps = CheckedStepSerializer(many=True)
    order = serializers.ListField(
        child=serializers.CharField(), help_text="Keys; each step stands behind what it waits for."
    )


class WorkflowSearchSerializer(StrictSerializer):
    """Which workflows."""

    search = serializers.CharField(required=False, default="", max_length=200)


class ExecuteRequestSerializer(StrictSerializer):
    """What a run begins with."""

    input = serializers.JSONField(
        required=False, help_text="As the inputSchema says; `{}` when left out."
    )
    rerunOf = serializers.UUIDField(
        source="rerun_of", required=False, allow_null=True, help_text="The run that it repeats."
    )
    idempotencyKey = TextField(source="key", required=False, max_length=255)

    def get_initial(self) -> dict[str, Any]:
        """What the browsable API's form begins with."""
        return {"input": {"total": 120}}


class RerunRequestSerializer(StrictSerializer):
    """What to change of the input: all of it, or nothing when left out."""

    input = serializers.JSONField(required=False, help_text="That of the run when left out.")
    idempotencyKey = TextField(source="key", required=False, max_length=255)

    def get_initial(self) -> dict[str, Any]:
        """What the browsable API's form begins with."""
        return {}


class RunStartedSerializer(serializers.Serializer[Any]):
    """A run that was started."""

    runId = serializers.UUIDField(source="id")
    status = serializers.ChoiceField(source="state", choices=RunState.choices)


def represent_workflow(workflow: Any, version: Any) -> dict[str, Any]:
    """A workflow and one of its versions as JSON."""
    definition = version.definition
    found = {
        "id": workflow.id,
        "name": workflow.name,
        "description": workflow.description,
        "version": version.version,
        "newestVersion": workflow.version,
        "tasks": definition.get("tasks", []),
        "inputSchema": definition.get("inputSchema"),
        "createdAt": workflow.created_at,
        "updatedAt": version.created_at,
        "createdBy": version.created_by,
    }
    for name in ("createdAt", "updatedAt"):
        found[name] = UtcDateTimeField().to_representation(found[name])
    return found


def represent_checked(definition: Any) -> dict[str, Any]:
    """What the check of a definition found."""
    steps = CheckedStepSerializer(definition.steps, many=True).data
    return {"valid": True, "steps": steps, "order": [step["key"] for step in steps]}


def parse_definition_body(
    body: Any, *, key: str | None = None
) -> tuple[dict[str, Any], str | None]:
    """A definition as it was sent, and its idempotency key. `key` is that of the header.

    Raises Invalid.
    """
    if not isinstance(body, dict):
        raise Invalid(errors=[{"field": "", "message": "An object is needed."}])
    rest = {name: value for name, value in body.items() if name != "idempotencyKey"}
    own_key = body.get("idempotencyKey")
    if own_key is not None and not isinstance(own_key, str):
        raise Invalid(errors=[{"field": "idempotencyKey", "message": "A text is needed."}])
    return rest, one_key(key, own_key)
