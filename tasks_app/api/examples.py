"""Additions to the OpenAPI document: examples, and a parameter without a fixed name."""

from drf_spectacular.utils import OpenApiExample, OpenApiParameter

from tasks_app.schema.submission import TaskIn

PAYLOAD_PARAMETER = OpenApiParameter(
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
)

CREATE = [
    OpenApiExample("A task", value=TaskIn.example, request_only=True),
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
BULK = [
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
ACTIONS = [
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
