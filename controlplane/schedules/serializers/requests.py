# ruff: noqa: N815 - fields have their names in the API
"""What makes and changes schedules."""

from typing import Any

from rest_framework import serializers

from controlplane.core.serializers import StrictSerializer, TimeField
from controlplane.schedules.services.checks import (
    LONGEST_JITTER_MS,
    LONGEST_NAME,
    MOST_CATCH_UP,
)
from controlplane.schedules.states import Overlap
from controlplane.schedules.timing import LONGEST_TEXT
from tasks_app.processors.registry import MAX_ATTEMPTS
from tasks_app.serializers.fields import FlagField, TextField, WholeNumberField

EXAMPLE_JOB = {
    "name": "Nightly sums",
    "schedule": "0 2 * * *",
    "timezone": "Europe/Berlin",
    "taskType": "noop",
    "payload": {},
}


class JobChangeSerializer(StrictSerializer):
    """What to change of a job."""

    name = TextField(required=False, max_length=LONGEST_NAME)
    schedule = TextField(
        required=False,
        max_length=LONGEST_TEXT,
        help_text="Five cron fields, a name such as `@daily`, `@every 15m`, or a time for once.",
    )
    timezone = TextField(required=False, max_length=100, help_text="Like `Europe/Berlin`.")
    taskType = TextField(
        source="task_type",
        required=False,
        allow_null=True,
        max_length=200,
        help_text="One of `GET /task-types`; or workflowId.",
    )
    workflowId = serializers.UUIDField(source="workflow_id", required=False, allow_null=True)
    payload = serializers.JSONField(
        required=False, help_text="Of the task, as its type's schema says; or the run's input."
    )
    enabled = FlagField(required=False)
    overlap = serializers.ChoiceField(
        choices=Overlap.choices,
        required=False,
        help_text="What to do while the one before has not ended.",
    )
    catchUp = FlagField(
        source="catch_up", required=False, help_text="Fire missed times afterwards."
    )
    catchUpMax = WholeNumberField(
        source="catch_up_max",
        required=False,
        min_value=1,
        max_value=MOST_CATCH_UP,
        help_text="How many missed times at most, the newest of them.",
    )
    jitterMs = WholeNumberField(
        source="jitter_ms",
        required=False,
        min_value=0,
        max_value=LONGEST_JITTER_MS,
        help_text="Starts up to so much later, so that not everything starts at once.",
    )
    startAt = TimeField(source="start_at", required=False, allow_null=True)
    endAt = TimeField(source="end_at", required=False, allow_null=True)
    queue = TextField(
        required=False, allow_null=True, max_length=100, help_text="null: that of the type."
    )
    priority = WholeNumberField(required=False, min_value=-100, max_value=100)
    maxAttempts = WholeNumberField(
        source="max_attempts",
        required=False,
        allow_null=True,
        min_value=1,
        max_value=MAX_ATTEMPTS,
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs:
            raise serializers.ValidationError(
                f"Say what to change: {', '.join(self.fields)}.", code="required"
            )
        for name in ("task_type", "queue"):
            if name in attrs and attrs[name] is None:
                attrs[name] = ""
        return attrs


class JobRequestSerializer(JobChangeSerializer):
    """A job: when, and what it starts (`taskType` or `workflowId`)."""

    name = TextField(max_length=LONGEST_NAME)
    schedule = TextField(
        max_length=LONGEST_TEXT,
        help_text="Five cron fields, a name such as `@daily`, `@every 15m`, or a time for once.",
    )
    idempotencyKey = TextField(
        source="idempotency_key",
        required=False,
        max_length=255,
        help_text="Or the header Idempotency-Key.",
    )

    def get_initial(self) -> dict[str, Any]:
        """What the browsable API's form begins with."""
        return dict(EXAMPLE_JOB)
