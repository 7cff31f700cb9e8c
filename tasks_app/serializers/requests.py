# ruff: noqa: N815 - fields have their names in the API
"""What the calls that submit and edit tasks take, for the OpenAPI schema and the forms.

`parsing` reads these bodies: ten thousand nested serializers would take seconds. A test holds the
fields of both to be the same.
"""

from typing import Any

from rest_framework import serializers

from controlplane.core.serializers import StrictSerializer, TimeField
from tasks_app.processors.registry import MAX_ATTEMPTS, MAX_TIMEOUT_SECONDS
from tasks_app.processors.retry import STRATEGIES
from tasks_app.serializers.fields import NumberField, TextField, WholeNumberField
from tasks_app.states import ParentFailure

EXAMPLE_TASK = {
    "name": "Resize the picture",
    "type": "noop",
    "payload": {},
    "priority": 10,
    "tags": ["pictures"],
}


class RetryRequestSerializer(StrictSerializer):
    """The wait before the next attempt: base · factor ^ (failed - 1) up to max, less jitter."""

    strategy = serializers.ChoiceField(choices=STRATEGIES, default="exponential")
    baseMs = WholeNumberField(default=1_000, min_value=0)
    factor = NumberField(default=2.0, min_value=1, max_value=1_000)
    maxMs = WholeNumberField(default=3_600_000, min_value=0)
    jitter = NumberField(default=0.1, min_value=0, max_value=1)


class TaskRequestSerializer(StrictSerializer):
    """A task to submit. Only `type` is needed; what is left out takes its type's default."""

    type = TextField(max_length=200, help_text="One of `GET /task-types`.")
    name = TextField(required=False, max_length=200)
    payload = serializers.DictField(
        required=False, help_text="As the type's schema says; at most 256 KiB."
    )
    priority = WholeNumberField(
        default=0, min_value=-100, max_value=100, help_text="Higher runs first."
    )
    delay = WholeNumberField(
        required=False, min_value=0, help_text="Milliseconds to wait; instead of runAt."
    )
    runAt = TimeField(required=False, help_text="Not before; instead of delay.")
    queue = TextField(
        required=False, max_length=100, help_text="Leave it out for the queue of the type."
    )
    maxAttempts = WholeNumberField(required=False, min_value=1, max_value=MAX_ATTEMPTS)
    timeoutSeconds = NumberField(required=False, min_value=0.001, max_value=MAX_TIMEOUT_SECONDS)
    dependsOn = serializers.ListField(
        child=TextField(), required=False, help_text="Ids of tasks to wait for."
    )
    onParentFailure = serializers.ChoiceField(
        choices=ParentFailure.choices,
        default=ParentFailure.CANCEL,
        help_text="What becomes of it when one of those fails or is cancelled.",
    )
    tags = serializers.ListField(child=TextField(max_length=100), required=False, max_length=50)
    retry = RetryRequestSerializer(required=False)
    idempotencyKey = TextField(
        required=False,
        max_length=255,
        help_text="Or the header Idempotency-Key: the same key and body within 24 h give the "
        "first answer again.",
    )

    def get_initial(self) -> dict[str, Any]:
        """What the browsable API's form begins with."""
        return dict(EXAMPLE_TASK)


class BulkTaskSerializer(TaskRequestSerializer):
    """A task of a bulk call. `dependsOn` may name the `ref` of another one."""

    idempotencyKey = None  # type: ignore[assignment] # removes the field: one key covers the whole call
    ref = TextField(required=False, help_text="A name for it, valid in this call.")


class BulkRequestSerializer(StrictSerializer):
    """Tasks to submit, all or none."""

    tasks = BulkTaskSerializer(many=True)
    idempotencyKey = TextField(required=False, max_length=255)

    def get_initial(self) -> dict[str, Any]:
        """What the browsable API's form begins with."""
        return {
            "tasks": [
                {"type": "noop", "ref": "first"},
                {"type": "noop", "dependsOn": ["first"]},
            ]
        }


class BulkResultSerializer(serializers.Serializer[Any]):
    """The new tasks, in the order of the request."""

    created = serializers.IntegerField()
    ids = serializers.ListField(child=serializers.UUIDField())


class TaskChangeSerializer(StrictSerializer):
    """What to change of a task that has not started."""

    priority = WholeNumberField(required=False, min_value=-100, max_value=100)
    runAt = TimeField(
        source="run_at", required=False, allow_null=True, help_text="null: as soon as possible."
    )
    payload = serializers.DictField(required=False)
    maxAttempts = WholeNumberField(
        source="max_attempts", required=False, min_value=1, max_value=MAX_ATTEMPTS
    )
    tags = serializers.ListField(child=TextField(max_length=100), required=False, max_length=50)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs:
            raise serializers.ValidationError(
                f"Say what to change: {', '.join(self.fields)}.", code="required"
            )
        return attrs
