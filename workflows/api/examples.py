"""Parameters and examples of the OpenAPI document."""

from drf_spectacular.utils import OpenApiExample

from controlplane.core.http.openapi import query_parameter
from workflows.schema.workflows import EXAMPLE_WORKFLOW

VERSION = query_parameter("version", "An older version; the default is the newest.", int)
STEPS_AFTER = query_parameter(
    "stepsAfter",
    "The key of a step: shows at most 1,000 steps after it. See `nextStepsAfter`.",
)

DEFINITIONS = [
    OpenApiExample("Two steps", value=EXAMPLE_WORKFLOW, request_only=True),
    OpenApiExample(
        "A fan-out and an approval",
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
EXECUTE = [
    OpenApiExample("An input", value={"input": {"total": 120}}, request_only=True),
    OpenApiExample(
        "Started",
        value={"runId": "019ab1c2-7d3e-7f00-8000-1f2e3d4c5b6a", "status": "RUNNING"},
        response_only=True,
        status_codes=["202"],
    ),
]
RERUN = [
    OpenApiExample("With the same input", value={}, request_only=True),
    OpenApiExample("With another input", value={"input": {"total": 80}}, request_only=True),
]
DECISION = [
    OpenApiExample("With a comment", value={"comment": "The figures are right."}, request_only=True)
]
