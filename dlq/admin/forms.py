"""Forms of the pages of dead letters."""

from typing import Any

from django import forms

from controlplane.core.admin.forms import JsonField, ServiceForm
from dlq.discard import MAX_REASON
from tasks_app.processors.registry import MAX_ATTEMPTS


class ReprocessForm(ServiceForm):
    """The payload and the attempts of the new task."""

    payload = JsonField(
        required=True, rows=18, help_text="A JSON object. The letter keeps the old payload."
    )
    max_attempts = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=MAX_ATTEMPTS,
        label="Maximum attempts",
        help_text="Leave empty to use the same number as before.",
    )

    def clean_payload(self) -> dict[str, Any]:
        """The object. Raises ValidationError."""
        value = self.cleaned_data["payload"]
        if not isinstance(value, dict):
            raise forms.ValidationError("Enter a JSON object, such as {}.")
        return value


class DiscardForm(ServiceForm):
    """Why the work need not be done."""

    reason = forms.CharField(
        max_length=MAX_REASON,
        widget=forms.Textarea(attrs={"rows": 3, "cols": 60}),
        help_text="Why the work need not be done. It is kept in the letter and the audit log.",
        error_messages={"required": "Give the reason."},
    )
