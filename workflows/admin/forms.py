"""Forms of the pages of workflows: the input of a run, and a decision."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms

from controlplane.core.admin.forms import JsonField, ServiceForm
from workflows.schema.runs import MAX_COMMENT_LENGTH

_MAX_SAMPLE_DEPTH = 5
_MAX_PROPERTIES = 50
_EMPTY: dict[str, Any] = {
    "string": "",
    "integer": 0,
    "number": 0,
    "boolean": False,
    "array": [],
    "null": None,
}


class InputForm(ServiceForm):
    """The input of a run as JSON."""

    input = JsonField(required=False, empty_value={}, help_text="JSON. Leave empty for {}.")


class DecisionForm(forms.Form):
    """A decision on an approval step."""

    CHOICES: ClassVar = [("approve", "Approve"), ("reject", "Reject")]

    step = forms.CharField(max_length=100)
    decision = forms.ChoiceField(choices=CHOICES)
    comment = forms.CharField(required=False, max_length=MAX_COMMENT_LENGTH)


def sample_input(schema: Mapping[str, Any] | None) -> Any:
    """A value to start from: the example, the default, or an empty value of each property."""
    return _sample(schema, 0) if schema else {}


def _sample(schema: Any, depth: int) -> Any:
    if not isinstance(schema, Mapping) or depth > _MAX_SAMPLE_DEPTH:
        return None
    examples, choices = schema.get("examples"), schema.get("enum")
    if isinstance(examples, list) and examples:
        return examples[0]
    for name in ("default", "const"):
        if name in schema:
            return schema[name]
    if isinstance(choices, list) and choices:
        return choices[0]
    kind = schema.get("type")
    kind = kind[0] if isinstance(kind, list) and kind else kind
    properties = schema.get("properties")
    if kind == "object" or isinstance(properties, Mapping):
        return _sample_object(properties, depth)
    return _EMPTY.get(kind) if isinstance(kind, str) else None


def _sample_object(properties: Any, depth: int) -> dict[str, Any]:
    if not isinstance(properties, Mapping):
        return {}
    shown = list(properties.items())[:_MAX_PROPERTIES]
    return {str(name): _sample(each, depth + 1) for name, each in shown}
