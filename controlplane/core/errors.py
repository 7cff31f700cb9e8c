"""The errors of services, with their HTTP status. Services raise them; views let them pass;
`problems.exception_handler` turns them into RFC 9457 problems. A command shows `str(error)`.
"""

from collections.abc import Sequence
from typing import ClassVar, TypedDict


class FieldError(TypedDict):
    """One error in a body; `field` is a path such as `tasks[3].type`."""

    field: str
    message: str


class DomainError(Exception):
    """The request was understood and cannot be done."""

    status: ClassVar[int] = 400
    title: ClassVar[str] = "Bad request"
    type: ClassVar[str] = "urn:taskplane:problem:bad-request"
    retry_after_seconds: ClassVar[int | None] = None

    def __init__(self, detail: str = "", *, errors: Sequence[FieldError] = ()) -> None:
        self.errors = list(errors)
        self.detail = detail or summary(self.errors) or self.title + "."
        super().__init__(self.detail)


class Forbidden(DomainError):  # noqa: N818 - reads as the answer
    """The actor's role, scopes or expiry do not allow this."""

    status = 403
    title = "Forbidden"
    type = "urn:taskplane:problem:forbidden"


class NotFound(DomainError):  # noqa: N818 - reads as the answer
    """It does not exist, or belongs to another workspace: the response does not reveal which."""

    status = 404
    title = "Not found"
    type = "urn:taskplane:problem:not-found"


class Conflict(DomainError):  # noqa: N818 - reads as the answer
    """The current state of the object does not allow this."""

    status = 409
    title = "Conflict"
    type = "urn:taskplane:problem:conflict"


class Invalid(DomainError):  # noqa: N818 - reads as the answer
    """The values cannot be accepted; `errors` names each."""

    status = 422
    title = "Invalid request"
    type = "urn:taskplane:problem:invalid"


class TooLarge(DomainError):  # noqa: N818 - reads as the answer
    """More bytes or items than one call may carry; the detail names the limit."""

    status = 413
    title = "Too large"
    type = "urn:taskplane:problem:too-large"


class TooMany(DomainError):  # noqa: N818 - reads as the answer
    """As many of these are under way as one caller, or this process, may have."""

    status = 429
    title = "Too many requests"
    type = "urn:taskplane:problem:too-many-requests"
    retry_after_seconds = 30


class Unavailable(DomainError):  # noqa: N818 - reads as the answer
    """Something that the call needs is unavailable; the same call may succeed a little later."""

    status = 503
    title = "Unavailable"
    type = "urn:taskplane:problem:unavailable"
    retry_after_seconds = 2


def summary(errors: Sequence[FieldError]) -> str:
    """One sentence for people: the first error, and how many more there are."""
    if not errors:
        return ""
    first = errors[0]
    error = f"{first['field']}: {first['message']}" if first["field"] else first["message"]
    more = len(errors) - 1
    return f"{error} (and {more} more)" if more else error
