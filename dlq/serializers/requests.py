# ruff: noqa: N815 - fields have their names in the API
"""What the calls that change something take."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from controlplane.core.serializers import StrictSerializer
from dlq.filters import MAX_IDS, LetterFilter, letter_filter_of_body
from dlq.services.actions import ACTIONS
from dlq.services.discarding import LONGEST_REASON
from dlq.services.replays import (
    DEFAULT_FAILURE_SHARE,
    DEFAULT_STAGES,
    FASTEST_RATE,
    LARGEST_STAGE,
    MOST_STAGES,
)
from tasks_app.processors.registry import MAX_ATTEMPTS
from tasks_app.serializers.fields import FlagField, NumberField, TextField, WholeNumberField

SLOWEST_RATE = 0.001
_ONLY_REPROCESS = ("payload", "maxAttempts", "ratePerSecond", "canary")


@dataclass(frozen=True, slots=True)
class Canary:
    """How a replay feels its way. Without stages everything comes at once."""

    stages: tuple[int, ...] = DEFAULT_STAGES
    max_failure_share: float = DEFAULT_FAILURE_SHARE


NO_CANARY = Canary(stages=())


class ReprocessRequestSerializer(StrictSerializer):
    """How to repeat the work; an empty body repeats it as it was."""

    payload = serializers.DictField(
        required=False, help_text="Instead of the old one; as the type's schema says."
    )
    maxAttempts = WholeNumberField(
        source="max_attempts", required=False, min_value=1, max_value=MAX_ATTEMPTS
    )
    idempotencyKey = TextField(source="key", required=False, max_length=255)

    def get_initial(self) -> dict[str, Any]:
        """What the browsable API's form begins with."""
        return {"maxAttempts": 3}


class DiscardRequestSerializer(StrictSerializer):
    """Why the work need not be done."""

    reason = TextField(max_length=LONGEST_REASON)

    def get_initial(self) -> dict[str, Any]:
        """What the browsable API's form begins with."""
        return {"reason": "The order was cancelled by hand."}


class CanaryRequestSerializer(StrictSerializer):
    """Small stages first; a stage that fails too often stops the replay."""

    stages = serializers.ListField(
        child=WholeNumberField(min_value=1, max_value=LARGEST_STAGE),
        default=list(DEFAULT_STAGES),
        min_length=1,
        max_length=MOST_STAGES,
    )
    maxFailureShare = NumberField(
        source="max_failure_share", default=DEFAULT_FAILURE_SHARE, min_value=0, max_value=1
    )


_CANARY_SCHEMA = {
    "oneOf": [
        {"type": "boolean"},
        {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "stages": {
                    "type": "array",
                    "minItems": 1,
                    "maxItems": MOST_STAGES,
                    "items": {"type": "integer", "minimum": 1, "maximum": LARGEST_STAGE},
                    "default": list(DEFAULT_STAGES),
                },
                "maxFailureShare": {
                    "type": "number",
                    "minimum": 0,
                    "maximum": 1,
                    "default": DEFAULT_FAILURE_SHARE,
                },
            },
        },
    ],
    "description": "true is `{stages: [5, 50], maxFailureShare: 0.2}`.",
}


@extend_schema_field(_CANARY_SCHEMA)
class CanaryField(serializers.Field[Any, Any, Any, Any]):
    """true, false, or its stages."""

    def to_internal_value(self, data: Any) -> Canary | None:
        if isinstance(data, bool):
            return Canary() if data else None
        if not isinstance(data, Mapping):
            raise serializers.ValidationError("true, false, or {stages, maxFailureShare}.")
        asked = CanaryRequestSerializer(data=data)
        asked.is_valid(raise_exception=True)
        return Canary(
            stages=tuple(asked.validated_data["stages"]),
            max_failure_share=asked.validated_data["max_failure_share"],
        )

    def to_representation(self, value: Any) -> Any:
        return value


class LetterActionRequestSerializer(StrictSerializer):
    """What to do with which open letters: `ids`, or a `filter` with the names of the list's
    parameters. A filter that names every letter needs `"all": true`.

    A reprocess with `ratePerSecond` or `canary` becomes a replay, which the dispatcher drives.
    """

    action = serializers.ChoiceField(choices=ACTIONS)
    ids = serializers.ListField(
        child=serializers.UUIDField(), required=False, min_length=1, max_length=MAX_IDS
    )
    filter = serializers.DictField(
        required=False, help_text='Like `{"category": ["NETWORK"], "type": "http-request"}`.'
    )
    all = FlagField(default=False)
    dryRun = FlagField(source="dry_run", default=False, help_text="Only count them.")
    payload = serializers.DictField(
        required=False, help_text="Of reprocess: instead of each letter's own."
    )
    maxAttempts = WholeNumberField(
        source="max_attempts",
        required=False,
        min_value=1,
        max_value=MAX_ATTEMPTS,
        help_text="Of reprocess.",
    )
    reason = TextField(
        required=False, max_length=LONGEST_REASON, help_text="Of discard, which needs it."
    )
    ratePerSecond = NumberField(
        source="rate_per_second",
        required=False,
        min_value=SLOWEST_RATE,
        max_value=FASTEST_RATE,
        help_text="Of reprocess: tasks a second.",
    )
    canary = CanaryField(required=False)
    idempotencyKey = TextField(
        source="key", required=False, max_length=255, help_text="Of a replay."
    )

    def get_initial(self) -> dict[str, Any]:
        """What the browsable API's form begins with."""
        return {"action": "reprocess", "filter": {"category": ["NETWORK"]}, "dryRun": True}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        self._check_fits(attrs)
        is_by_filter = "filter" in attrs or attrs["all"]
        if ("ids" in attrs) == is_by_filter:
            raise serializers.ValidationError({"ids": "Give ids or a filter, one of the two."})
        wanted = (
            LetterFilter(ids=tuple(dict.fromkeys(attrs["ids"])))
            if "ids" in attrs
            else letter_filter_of_body(attrs.get("filter", {}))
        )
        if attrs["all"]:
            wanted = replace(wanted, everything=True)
        if wanted.is_empty:
            raise serializers.ValidationError(
                {"filter": 'This names every open letter: say so with "all": true.'}
            )
        canary, rate = attrs.get("canary"), attrs.get("rate_per_second")
        return {**attrs, "wanted": wanted, "is_replay": bool(canary) or rate is not None}

    def _check_fits(self, attrs: dict[str, Any]) -> None:
        is_discard = attrs["action"] == "discard"
        if is_discard and not attrs.get("reason"):
            raise serializers.ValidationError({"reason": "Needed: why the work need not be done."})
        if not is_discard and "reason" in attrs:
            raise serializers.ValidationError({"reason": "Of discard only."})
        if is_discard:
            foreign = [name for name in _ONLY_REPROCESS if name in self.initial_data]
            if foreign:
                raise serializers.ValidationError(dict.fromkeys(foreign, "Of reprocess only."))


class RefusalSerializer(serializers.Serializer[Any]):
    """Why a letter was left as it was."""

    reason = serializers.CharField()
    letterId = serializers.UUIDField()


class LetterActionResultSerializer(serializers.Serializer[Any]):
    """How many letters were meant, and how many changed."""

    matched = serializers.IntegerField(help_text="Open letters that were named.")
    changed = serializers.IntegerField(help_text="0 of a dry run.")
    hasMore = serializers.BooleanField(
        source="has_more", help_text="The call's limit was reached: repeat it for the rest."
    )
    dryRun = serializers.SerializerMethodField()
    refusals = serializers.SerializerMethodField(
        help_text="The first reasons why letters were left as they were, with a letter of each."
    )

    def get_dryRun(self, done: Any) -> bool:  # noqa: N802 - named after its field
        return bool(self.context["dry_run"])

    @extend_schema_field(RefusalSerializer(many=True))
    def get_refusals(self, done: Any) -> list[dict[str, Any]]:
        return [
            {"reason": reason, "letterId": str(letter)} for reason, letter in done.refusals.items()
        ]
