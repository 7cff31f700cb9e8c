"""What the OpenAPI schema says beside the serializers: parameters and examples."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, OpenApiParameter

from workflows.serializers import EXAMPLE_WORKFLOW
from workflows.states import RunState


def _query(name: str, description: str, type_: Any = str, **more: Any) -> OpenApiParameter:
    return OpenApiParameter(name, type_, OpenApiParameter.QUERY, description=description, **more)


SEARCH = _query("search", "A part of the name.")
VERSION = _query("version", "An older version; without it the newest.", int)
STATUS = OpenApiParameter(
    "status",
    {"type": "array", "items": {"type": "string", "enum": RunState.values}},
    OpenApiParameter.QUERY,
    description="Comma-separated list.",
    style="form",
    explode=False,
)
STEPS_AFTER = _query(
    "stepsAfter",
    "The key of a step: the steps behind it, at most 1,000. See `nextStepsAfter`.",
)

DEFINITION_EXAMPLES = [
    OpenApiExample("Two steps", value=EXAMPLE_WORKFLOW, request_only=True),
    OpenApiExample(
        "A fan-out, and a person who decides",
        value={
            "name": "Monthly report",
            "tasks": [
                {
                    "key": "each",
                    "type": "noop",
                    "forEach": "input.customers",
                    "payload": {"customer": "{{ item.id }}", "place": "{{ index }}"},
                },
                {
                    "key": "look",
                    "type": "approval",
                    "dependsOn": ["each"],
                    "payload": {"message": "Send {{ size(input.customers) }} reports?"},
                },
                {"key": "pause", "type": "wait", "dependsOn": ["look"], "payload": {"seconds": 60}},
                {
                    "key": "send",
                    "type": "workflow",
                    "dependsOn": ["pause"],
                    "payload": {
                        "workflow": "{{ input.sender }}",
                        "input": {"to": "{{ input.customers }}"},
                    },
                },
            ],
        },
        request_only=True,
    ),
]
EXECUTE_EXAMPLES = [
    OpenApiExample("An input", value={"input": {"total": 120}}, request_only=True),
    OpenApiExample(
        "Started",
        value={"runId": "019ab1c2-7d3e-7f00-8000-1f2e3d4c5b6a", "status": "RUNNING"},
        response_only=True,
        status_codes=["202"],
    ),
]
RERUN_EXAMPLES = [
    OpenApiExample("With the same input", value={}, request_only=True),
    OpenApiExample("With another input", value={"input": {"total": 80}}, request_only=True),
]
DECISION_EXAMPLES = [
    OpenApiExample("With a word", value={"comment": "The figures are right."}, request_only=True)
]
