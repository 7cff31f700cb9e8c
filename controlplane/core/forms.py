"""What forms of the admin have in common."""

from typing import Any

from django import forms
from django.conf import settings

from controlplane.core.errors import Invalid
from controlplane.core.strictjson import MalformedJsonError, parse_json


def parse_json_input(text: str) -> Any:
    """The JSON value that a person typed, by the rules for bodies of requests.

    Raises ValidationError with the line and column.
    """
    try:
        return parse_json(text.encode(), max_depth=settings.TASKPLANE["JSON_MAX_DEPTH"])
    except (MalformedJsonError, Invalid, UnicodeEncodeError) as error:
        raise forms.ValidationError(str(error).replace("The body", "This", 1)) from error
