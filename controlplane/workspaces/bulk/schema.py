"""Previews in responses."""

from typing import Annotated, Any

from pydantic import Field

from controlplane.core.requests import MAX_REASON
from controlplane.core.schema import Resource, shown
from controlplane.core.schema.fields import Text

MAX_TOKEN = 500_000  # that of ten thousand ids

# Fields of a call that acts at once.
Reason = Annotated[str, Text(MAX_REASON, minimum=0)]
PreviewToken = Annotated[str, Text(MAX_TOKEN, minimum=1)]
REASON: Any = Field(
    "",
    description="Kept in the audit log, as that of the header X-Reason. With a token it is needed "
    "for what cannot be undone, or touches more than 100 objects.",
)
TOKEN: Any = Field(
    None,
    description="That of the preview of the same call: 409 if the set has changed since. Without "
    "one, whatever matches now is changed.",
)
ACCEPT_DRIFT: Any = Field(False, description="Go on even if the set has changed since the preview.")


class PreviewItem(Resource):
    """One of the selected objects."""

    id: str = shown(source="key")
    name: str
    status: str = shown(source="state")


class OperationPreview(Resource):
    """What an operation would do."""

    target: str = shown(source="plan.verb.target.name")
    action: str = shown(source="plan.verb.name")
    title: str
    selection: str = shown("In words.")
    matched: int = shown(source="plan.members.count")
    is_estimate: bool = shown("More than 100,000 are estimated.", source="plan.members.is_estimate")
    missing: int = shown("Number of given ids that name nothing.")
    consequence: str = shown("What will happen, in words.")
    needs_reason: bool = shown(source="plan.needs_reason")
    undone_by: str | None = shown(
        "The action that undoes it; null if it cannot be undone.",
        compute=lambda preview: preview.plan.verb.undone_by or None,
    )
    first: list[PreviewItem] = shown("The first ten; of an estimated set the newest ten.")
    token: str = shown("Starts exactly this, for ten minutes.")
