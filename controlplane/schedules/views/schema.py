"""What the OpenAPI schema says beside the serializers: parameters and examples."""

from drf_spectacular.utils import OpenApiExample, OpenApiParameter

from controlplane.schedules.serializers.preview import MOST_PREVIEWED
from controlplane.schedules.serializers.requests import EXAMPLE_JOB
from controlplane.schedules.states import FiringKind, FiringState, Source


def _words(
    name: str, words: list[str], description: str = "Comma-separated list."
) -> OpenApiParameter:
    return OpenApiParameter(
        name,
        {"type": "array", "items": {"type": "string", "enum": words}},
        OpenApiParameter.QUERY,
        description=description,
        style="form",
        explode=False,
    )


JOB_FILTERS = [
    OpenApiParameter("search", str, description="A part of the name or of the type."),
    OpenApiParameter("enabled", bool),
    OpenApiParameter("source", str, enum=Source.values),
]
EXECUTION_FILTERS = [_words("status", FiringState.values), _words("kind", FiringKind.values)]
PREVIEW = [
    OpenApiParameter(
        "schedule",
        str,
        required=True,
        description="As in a job: cron fields, a name such as `@daily`, `@every 15m`, a time.",
    ),
    OpenApiParameter("timezone", str, description="UTC unless said otherwise."),
    OpenApiParameter("count", int, description=f"From 1 to {MOST_PREVIEWED}; 10 by itself."),
]
JOB_EXAMPLES = [
    OpenApiExample("Every night in Berlin", value=EXAMPLE_JOB, request_only=True),
    OpenApiExample(
        "Every quarter of an hour, all of them",
        value={
            "name": "Fetch orders",
            "schedule": "@every 15m",
            "taskType": "http-request",
            "payload": {"url": "https://shop.example/orders"},
            "overlap": "queue",
            "catchUp": True,
            "catchUpMax": 4,
        },
        request_only=True,
    ),
]
