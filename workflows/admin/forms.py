"""Forms of the admin's pages: the input of a run, the words to a decision."""

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms

from controlplane.core.errors import DomainError
from controlplane.core.forms import parse_json_input
from workflows.schema.runs import MAX_COMMENT_LENGTH

_MOST_CHARACTERS = 300_000
_DEEPEST_SAMPLE = 5
_MOST_PROPERTIES = 50
_EMPTY: dict[str, Any] = {
    "string": "",
    "integer": 0,
    "number": 0,
    "boolean": False,
    "array": [],
    "null": None,
}


class InputForm(forms.Form):
    """The input of a run as JSON."""

    input = forms.CharField(
        max_length=_MOST_CHARACTERS,
        required=False,
        strip=False,
        widget=forms.Textarea(
            attrs={"rows": 16, "cols": 80, "spellcheck": "false", "class": "wf-json"}
        ),
        help_text="JSON. Left empty it is {}.",
    )

    def clean_input(self) -> Any:
        """The value. Raises ValidationError with the line and column."""
        text = self.cleaned_data["input"]
        if not text.strip():
            return {}
        return parse_json_input(text)

    def refuse(self, error: DomainError) -> None:
        """Show what the service refused beside the field."""
        for each in error.errors or [{"field": "", "message": str(error)}]:
            field = each["field"]
            said = f"{field}: {each['message']}" if field else each["message"]
            self.add_error("input" if error.errors else None, said)


class DecisionForm(forms.Form):
    """A decision about an approval step."""

    CHOICES: ClassVar = [("approve", "Approve"), ("reject", "Reject")]

    step = forms.CharField(max_length=100)
    decision = forms.ChoiceField(choices=CHOICES)
    comment = forms.CharField(required=False, max_length=MAX_COMMENT_LENGTH)


def pretty(value: Any) -> str:
    """JSON for people."""
    return json.dumps(value, indent=2, ensure_ascii=False)


def sample_input(schema: Mapping[str, Any] | None) -> Any:
    """A value to begin with: of each property its example, its default, or an empty one."""
    return _sample(schema, 0) if schema else {}


def _sample(schema: Any, depth: int) -> Any:
    if not isinstance(schema, Mapping) or depth > _DEEPEST_SAMPLE:
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
    shown = list(properties.items())[:_MOST_PROPERTIES]
    return {str(name): _sample(each, depth + 1) for name, each in shown}
