"""Workflows and their versions in requests and responses."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Self
from uuid import UUID

from pydantic import PrivateAttr

from controlplane.core.errors import Invalid
from controlplane.core.schema import Resource, shown
from controlplane.core.schema.filters import condition
from controlplane.core.schema.values import Search
from tasks_app.schema.fields import IdempotencyKey, optional
from workflows.schema.definition import StepDefinition, WorkflowDefinition
from workflows.schema.fields import NO_OBJECT
from workflows.states import StepKind

MAX_SEARCH_LENGTH = 200
EXAMPLE_WORKFLOW: dict[str, Any] = {
    "name": "Order",
    "description": "Charges an order, then ships it when it is large enough.",
    "inputSchema": {
        "type": "object",
        "required": ["total"],
        "properties": {"total": {"type": "integer", "minimum": 0, "examples": [120]}},
    },
    "tasks": [
        {"key": "charge", "type": "noop", "name": "Charge the card", "payload": {}},
        {
            "key": "ship",
            "type": "noop",
            "dependsOn": ["charge"],
            "when": "input.total > 100",
            "onFailure": "continue",
        },
    ],
}


@dataclass(frozen=True, slots=True)
class WorkflowFilter:
    """Which workflows."""

    search: str = condition("search", Search(MAX_SEARCH_LENGTH), "A part of the name.")


class WorkflowChange(WorkflowDefinition):
    """A definition that replaces another one.

    `read` only unpacks it: `workflows.definitions` checks it, so that every error names the step
    and the column.
    """

    example: ClassVar[Mapping[str, Any]] = EXAMPLE_WORKFLOW

    _definition: dict[str, Any] = PrivateAttr(default_factory=dict)

    @property
    def definition(self) -> dict[str, Any]:
        """The definition as it was sent."""
        return self._definition

    content = definition

    @classmethod
    def read(cls, body: Any, *, check: Callable[[Self], object] | None = None) -> Self:
        """The body, unchecked but for its key. Raises Invalid."""
        if not isinstance(body, dict):
            raise Invalid(errors=[{"field": "", "message": NO_OBJECT}])
        definition = dict(body)
        key = definition.pop("idempotencyKey", None)
        if key is not None and not isinstance(key, str):
            raise Invalid(errors=[{"field": "idempotencyKey", "message": "This must be a string."}])
        unpacked = cls.model_construct(idempotency_key=key)
        unpacked._definition = definition
        return unpacked


class WorkflowIn(WorkflowChange):
    """A definition to store."""

    idempotency_key: IdempotencyKey = optional()


class WorkflowSummary(Resource):
    """A workflow in a list."""

    id: UUID
    name: str
    description: str
    version: int = shown("The newest.")
    created_at: datetime
    updated_at: datetime
    created_by: str


class Workflow(Resource):
    """A workflow with one version of its definition."""

    id: UUID = shown(source="workflow.id")
    name: str = shown(source="workflow.name")
    description: str = shown(source="workflow.description")
    version: int = shown("The one shown here.", source="version")
    newest_version: int = shown(source="workflow.version")
    tasks: list[StepDefinition] = shown(
        "The steps, as they were sent.",
        compute=lambda version: version.definition.get("tasks", []),
        guard="payload",
    )
    input_schema: dict[str, Any] | None = shown(
        compute=lambda version: version.definition.get("inputSchema")
    )
    created_at: datetime = shown(source="workflow.created_at")
    updated_at: datetime = shown("When the version shown here was stored.", source="created_at")
    created_by: str = shown("Who stored the version shown here.")


class Version(Resource):
    """One version of a definition, without it."""

    version: int
    created_at: datetime
    created_by: str


class CheckedStep(Resource):
    """One step of a valid definition."""

    key: str
    kind: StepKind
    depends_on: list[str]


class Validation(Resource):
    """A valid definition; an invalid one is a 422."""

    valid: bool = shown(compute=lambda _: True)
    steps: list[CheckedStep]
    order: list[str] = shown(
        "Keys of the steps in topological order.",
        compute=lambda definition: [step.key for step in definition.steps],
    )
