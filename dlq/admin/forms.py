"""Forms of the admin's pages: the work once more, and the reason for no more of it."""

from typing import Any

from django import forms
from django.contrib.admin.helpers import ActionForm

from controlplane.core.errors import DomainError
from controlplane.core.forms import parse_json_input
from dlq.services.discarding import LONGEST_REASON
from tasks_app.processors.registry import MAX_ATTEMPTS

_FIELDS = {"payload": "payload", "maxAttempts": "max_attempts", "reason": "reason"}


class LetterActionForm(ActionForm):
    """Beside the choice of an action: what discard needs."""

    reason = forms.CharField(
        required=False,
        max_length=LONGEST_REASON,
        widget=forms.TextInput(attrs={"size": 40}),
        label="Reason:",
        help_text="for discard",
    )


class _ServiceForm(forms.Form):
    """A form whose values a service checks."""

    def refuse(self, error: DomainError) -> None:
        """Show what the service refused beside the fields."""
        for each in error.errors or [{"field": "", "message": str(error)}]:
            top = each["field"].partition(".")[0].partition("[")[0]
            field = _FIELDS.get(top)
            if field in self.fields:
                inside = each["field"][len(top) :].lstrip(".")
                self.add_error(field, f"{inside}: {each['message']}" if inside else each["message"])
            else:
                said = f"{each['field']}: " if each["field"] else ""
                self.add_error(None, f"{said}{each['message']}")


class ReprocessForm(_ServiceForm):
    """The payload and the attempts of the new task."""

    payload = forms.CharField(
        required=False,
        strip=False,
        widget=forms.Textarea(
            attrs={"rows": 18, "cols": 80, "spellcheck": "false", "class": "dl-json"}
        ),
        help_text="A JSON object. The letter keeps the old one.",
    )
    max_attempts = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=MAX_ATTEMPTS,
        label="Attempts",
        help_text="Empty: as many as before.",
    )

    def clean_payload(self) -> dict[str, Any]:
        """The object. Raises ValidationError with the line and column."""
        value = parse_json_input(self.cleaned_data["payload"])
        if not isinstance(value, dict):
            raise forms.ValidationError("A JSON object is needed, such as {}.")
        return value


class DiscardForm(_ServiceForm):
    """Why the work need not be done."""

    reason = forms.CharField(
        max_length=LONGEST_REASON,
        widget=forms.Textarea(attrs={"rows": 3, "cols": 60}),
        help_text="For the record: why the work need not be done.",
    )
