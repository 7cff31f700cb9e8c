# ruff: noqa: N815 - fields have their names in the API
"""A retry policy in serializers; `schema.fields.RetryRequest` in schemas."""

from rest_framework import serializers

from controlplane.core.http.serializers import StrictSerializer
from tasks_app.processors.retry import STRATEGIES
from tasks_app.serializers.fields import NumberField, WholeNumberField


class RetryRequestSerializer(StrictSerializer):
    """The wait before the next attempt: base · factor ^ (failed - 1) up to max, less jitter."""

    strategy = serializers.ChoiceField(choices=STRATEGIES, default="exponential")
    baseMs = WholeNumberField(default=1_000, min_value=0)
    factor = NumberField(default=2.0, min_value=1, max_value=1_000)
    maxMs = WholeNumberField(default=3_600_000, min_value=0)
    jitter = NumberField(default=0.1, min_value=0, max_value=1)
