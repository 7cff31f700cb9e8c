"""What the OpenAPI schema says beside the serializers: parameters and examples."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter

from tasks_app.serializers.requests import EXAMPLE_TASK
from tasks_app.states import TaskState

_COMMA = "Comma-separated list."
_QUOTES = f'{_COMMA} A tag that contains a comma is written as a JSON string: `"red, green"`.'


def _query(name: str, description: str, type_: Any = str, **more: Any) -> OpenApiParameter:
    return OpenApiParameter(name, type_, OpenApiParameter.QUERY, description=description, **more)


INTERNAL = _query(
    "internal",
    "true adds tasks of internal types: the platform's own bookkeeping, such as the joins of "
    "workflow steps.",
    bool,
)
FILTERS = [
    _query("id", _COMMA),
    OpenApiParameter(
        "status",
        {"type": "array", "items": {"type": "string", "enum": TaskState.values}},
        OpenApiParameter.QUERY,
        description=_COMMA,
        style="form",
        explode=False,
    ),
    _query("type", _COMMA),
    _query("queue", _COMMA),
    _query("tag", "Tasks that have one of these tags. " + _QUOTES),
    _query("search", "A part of the name or type; or a whole id or idempotency key."),
    _query("createdAfter", "RFC 3339 with a zone.", OpenApiTypes.DATETIME),
    _query("createdBefore", "RFC 3339 with a zone.", OpenApiTypes.DATETIME),
    _query("minPriority", "From -100 to 100.", int),
    _query("workflowRunId", _COMMA),
    _query(
        "worker",
        "Names or ids of nodes that run a task or ran its last attempt. " + _COMMA,
    ),
    _query("errorClass", "Exact classes of the last error. " + _COMMA),
    _query("finishedAfter", "RFC 3339 with a zone.", OpenApiTypes.DATETIME),
    _query("finishedBefore", "RFC 3339 with a zone.", OpenApiTypes.DATETIME),
    INTERNAL,
    OpenApiParameter(
        "payload",
        {"type": "object", "additionalProperties": {"type": "string"}},
        OpenApiParameter.QUERY,
        description=(
            "`payload.<path>=<value>`, such as `payload.customer.id=7`: the number 7 or the text "
            '"7"; in quotes only the text. A key that contains a dot is in quotes, too: '
            '`payload."customer.id"=7`. No index serves it: on a large workspace narrow it by '
            "time, or it is refused after five seconds."
        ),
        style="form",
        explode=True,
    ),
]

IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    description="The same key and body within 24 h give the first answer again (200); another "
    "body gives 409.",
)

CREATE_EXAMPLES = [
    OpenApiExample("A task", value=EXAMPLE_TASK, request_only=True),
    OpenApiExample(
        "Later, with its own retries",
        value={
            "type": "http-request",
            "name": "Tell the shop",
            "payload": {"url": "https://shop.example/hooks/paid", "method": "POST"},
            "delay": 60_000,
            "maxAttempts": 5,
            "retry": {"strategy": "exponential", "baseMs": 2_000, "factor": 3, "maxMs": 600_000},
        },
        request_only=True,
    ),
]
BULK_EXAMPLES = [
    OpenApiExample(
        "A chain",
        value={
            "tasks": [
                {"type": "noop", "ref": "first"},
                {"type": "noop", "dependsOn": ["first"], "onParentFailure": "run"},
            ]
        },
        request_only=True,
    )
]
ACTION_EXAMPLES = [
    OpenApiExample(
        "Retry what failed",
        value={"action": "retry", "filter": {"status": ["FAILED"], "type": "http-request"}},
        request_only=True,
    ),
    OpenApiExample(
        "How many would be cancelled",
        value={"action": "cancel", "filter": {"queue": "mail"}, "dryRun": True},
        request_only=True,
    ),
]
