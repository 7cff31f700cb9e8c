"""What the OpenAPI schema says beside the serializers: parameters and examples."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter

from dlq.states import LetterStatus
from tasks_app.states import ErrorCategory

_COMMA = "Comma-separated list."


def _query(name: str, description: str, type_: Any = str) -> OpenApiParameter:
    return OpenApiParameter(name, type_, OpenApiParameter.QUERY, description=description)


def _one_of(name: str, values: list[str]) -> OpenApiParameter:
    return OpenApiParameter(
        name,
        {"type": "array", "items": {"type": "string", "enum": values}},
        OpenApiParameter.QUERY,
        description=_COMMA,
        style="form",
        explode=False,
    )


FILTERS = [
    _query("id", _COMMA),
    _query("taskId", "Letters of these tasks. " + _COMMA),
    _one_of("status", LetterStatus.values),
    _one_of("category", ErrorCategory.values),
    _query("type", _COMMA),
    _query("queue", _COMMA),
    _query("fingerprint", "Those of the same failure. " + _COMMA),
    _query("workflowRunId", _COMMA),
    _query(
        "search",
        "A part of the name, the type, the error's class or message; or a whole id or fingerprint.",
    ),
    _query("since", "Died then or later. RFC 3339 with a zone.", OpenApiTypes.DATETIME),
    _query("until", "Died before. RFC 3339 with a zone.", OpenApiTypes.DATETIME),
    _query("all", "Of no effect in a list.", bool),
]

REPROCESS_EXAMPLES = [
    OpenApiExample("As it was", value={}, request_only=True),
    OpenApiExample(
        "With a corrected payload",
        value={"payload": {"url": "https://shop.example/hooks/paid"}, "maxAttempts": 5},
        request_only=True,
    ),
]
DISCARD_EXAMPLES = [
    OpenApiExample(
        "With its reason",
        value={"reason": "The order was cancelled by hand."},
        request_only=True,
    )
]
ACTION_EXAMPLES = [
    OpenApiExample(
        "How many would be reprocessed",
        value={"action": "reprocess", "filter": {"category": ["NETWORK"]}, "dryRun": True},
        request_only=True,
    ),
    OpenApiExample(
        "One failure, carefully",
        value={
            "action": "reprocess",
            "filter": {"fingerprint": "3f2a9c0d1b7e4456"},
            "canary": {"stages": [5, 50], "maxFailureShare": 0.2},
            "ratePerSecond": 20,
        },
        request_only=True,
    ),
    OpenApiExample(
        "Discard what is too old to matter",
        value={
            "action": "discard",
            "filter": {"until": "2026-01-01T00:00:00Z"},
            "reason": "Older than the campaign.",
        },
        request_only=True,
    ),
]
