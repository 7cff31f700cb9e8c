"""Forms whose values a service checks: its errors are shown beside the fields."""

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from django.conf import settings
from django.contrib.admin.widgets import AdminSplitDateTime
from pydantic import BaseModel

from controlplane.core.errors import DomainError, Invalid
from controlplane.core.formatting import format_json
from controlplane.core.jsonb import is_same_json
from controlplane.core.requests import MAX_REASON
from controlplane.core.strictjson import MalformedJsonError, parse_json

_CAPITAL = re.compile(r"(?<!^)(?=[A-Z])")
_MAX_CHARACTERS = 300_000
_BOUNDS = {"minimum": "min_value", "maximum": "max_value", "maxLength": "max_length"}


class JsonField(forms.Field):
    """JSON that a person types, checked by the rules for bodies of requests. Left empty it is
    `empty_value`."""

    def __init__(self, *, empty_value: Any = None, rows: int = 16, **options: Any) -> None:
        attributes = {"rows": rows, "cols": 80, "spellcheck": "false", "class": "json-input"}
        super().__init__(widget=forms.Textarea(attrs=attributes), **options)
        self.empty_value = empty_value

    def to_python(self, value: Any) -> Any:
        """The value. Raises ValidationError with the line and column."""
        if not isinstance(value, str):
            return self.empty_value if value is None else value
        if not value.strip():
            return "" if self.required else self.empty_value
        if len(value) > _MAX_CHARACTERS:
            raise forms.ValidationError(f"Enter at most {_MAX_CHARACTERS:,} characters.")
        try:
            return parse_json(value.encode(), max_depth=settings.TASKPLANE["JSON_MAX_DEPTH"])
        except (MalformedJsonError, Invalid, UnicodeEncodeError) as error:
            raise forms.ValidationError(str(error).replace("The body", "This", 1)) from error

    def validate(self, value: Any) -> None:
        """{} and [] are values, although Django calls them empty."""
        if self.required and value in (None, ""):
            raise forms.ValidationError(self.error_messages["required"], code="required")

    def prepare_value(self, value: Any) -> Any:
        return value if isinstance(value, str) else format_json(value)

    def has_changed(self, initial: Any, data: Any) -> bool:
        """1 and 1.0 are different values."""
        if self.disabled:
            return False
        try:
            return not is_same_json(initial, self.to_python(data))
        except forms.ValidationError:
            return True


class LabelledDateTime(AdminSplitDateTime):
    """Django's date and time, each with a name for screen readers: the label is that of both."""

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__(attrs)
        for widget, name in zip(self.widgets, ("Date", "Time"), strict=True):
            widget.attrs["aria-label"] = name


def reason_field(*, required: bool) -> forms.CharField:
    """Why something is done. The audit log has it with all that the form does."""
    return forms.CharField(
        max_length=MAX_REASON,
        required=required,
        widget=forms.Textarea(attrs={"rows": 2, "cols": 60}),
        help_text="Kept in the audit log." if required else "Kept in the audit log. Optional.",
        error_messages={"required": "Give the reason."},
    )


def bounds_of(schema: type[BaseModel], name: str) -> dict[str, Any]:
    """The bounds that a request's schema declares for a field, as options of a form's field."""
    declared = schema.model_json_schema(by_alias=False)["properties"][name]
    parts = [declared, *declared.get("anyOf", ())]  # one that may be null has two
    return {
        option: part[keyword]
        for part in parts
        for keyword, option in _BOUNDS.items()
        if keyword in part
    }


class ServiceErrors:
    """For a form: shows the errors of a service. A field of the API is the form's field of the
    same name in snake_case, unless `api_fields` names another."""

    api_fields: ClassVar[Mapping[str, str]] = {}

    def form_field(self, path: str) -> str:
        """The name of the form's field for a path such as `payload.items[3]`."""
        top = re.split(r"[.\[]", path, maxsplit=1)[0]
        return self.api_fields.get(top, _CAPITAL.sub("_", top).lower())

    def refuse(self, error: DomainError) -> None:
        form: Any = self
        for each in error.errors or [{"field": "", "message": str(error)}]:
            path, name = each["field"], self.form_field(each["field"])
            is_known = name in form.fields
            is_inside = "." in path or "[" in path
            message = each["message"]
            if path and (is_inside or not is_known):
                message = f"{path}: {message}"
            form.add_error(name if is_known else None, message)


class ServiceForm(ServiceErrors, forms.Form):
    """A plain form with the errors of a service."""


class ReasonForm(ServiceForm):
    """Why it is done. `needed`: what cannot be undone is done to more than one thing."""

    def __init__(self, data: Any = None, *, needed: bool = True) -> None:
        super().__init__(data)
        self.fields["reason"] = reason_field(required=needed)
