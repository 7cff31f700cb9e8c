"""The body of an error response. Needs neither Django's apps nor the REST framework."""

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from controlplane.core.errors import FieldError
from controlplane.core.requests import current_request_id

MEDIA_TYPE = "application/problem+json"
_ERRORS_SHOWN = 100


@dataclass(frozen=True, slots=True)
class Problem:
    """One error as its client sees it."""

    status: int
    detail: str
    title: str = ""
    type: str = ""
    errors: list[FieldError] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)

    def body(self) -> dict[str, Any]:
        """The members of RFC 9457, the request's id, and the errors when there are any."""
        phrase = HTTPStatus(self.status).phrase
        found: dict[str, Any] = {
            "type": self.type or f"urn:taskplane:problem:{phrase.lower().replace(' ', '-')}",
            "title": self.title or phrase.capitalize(),
            "status": self.status,
            "detail": self.detail,
            "requestId": current_request_id(),
        }
        if self.errors:
            found["errors"] = self.errors[:_ERRORS_SHOWN]
        return found
