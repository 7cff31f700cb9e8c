"""Groups of dead letters in requests and responses."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, ClassVar
from uuid import UUID

from controlplane.core.errors import FieldError
from controlplane.core.schema import Request, Resource, itself, shown
from controlplane.core.schema.fields import Moment, OneOf, Text, Whole
from controlplane.core.schema.filters import condition
from controlplane.core.schema.values import Search
from dlq.groups import KEPT, MAX_NOTE, MAX_TICKET, Decision
from dlq.queries.groups import TREND_BARS, TREND_STEP
from dlq.schema import GroupError
from dlq.states import SETTABLE, GroupState
from tasks_app.schema.fields import IdempotencyKey, optional
from tasks_app.states import ErrorCategory

_MAX_LETTERS = 10**12
_BAR_MINUTES = int(TREND_STEP.total_seconds()) // 60


@dataclass(frozen=True, slots=True)
class GroupKey:
    """Which of the groups of a fingerprint."""

    type: str = condition("type", Search(limit=200), "Needed if several types fail like this.")

    @property
    def content(self) -> dict[str, str]:
        """The values by which two calls are the same."""
        return {"type": self.type}


class ChangeGroup(Request):
    """What shall be different; fields that are left out stay."""

    example: ClassVar[Mapping[str, Any]] = {
        "state": "ACKNOWLEDGED",
        "owner": "ada",
        "note": "The gateway team knows.",
    }

    state: Annotated[str, OneOf(tuple(sorted(SETTABLE)))] = optional(
        "RESOLVED needs a group without an open letter, OPEN and ACKNOWLEDGED one with work left."
    )
    owner: Annotated[str, Text(150)] | None = optional("The user name of a member; null: nobody.")
    ticket: Annotated[str, Text(MAX_TICKET)] | None = optional(
        "An address that begins with http:// or https://; null: none."
    )
    muted_until: Moment = optional("For MUTED: when the mute ends.")
    muted_above: Annotated[int, Whole(1, _MAX_LETTERS)] = optional(
        "For MUTED: with more open letters the mute ends."
    )
    note: Annotated[str, Text(MAX_NOTE)] = optional("Added to the notes.")
    version: Annotated[int, Whole(0, 2**31 - 1)] = optional(
        "The version that was seen, also as the header If-Match: 409 if it has changed since."
    )
    idempotency_key: IdempotencyKey = optional()

    def cross_check(self) -> Iterable[FieldError]:
        """An empty body would promise a change."""
        if not self.model_fields_set - {"version", "idempotency_key"}:
            yield {"field": "", "message": "Give at least one field to change."}

    @property
    def decision(self) -> Decision:
        """The argument of the service."""
        given = self.model_fields_set
        return Decision(
            state=self.state,
            owner=self.owner if "owner" in given else KEPT,
            ticket=(self.ticket or "") if "ticket" in given else KEPT,
            muted_until=self.muted_until,
            muted_above=self.muted_above,
            note=self.note or "",
        )


class LetterGroup(Resource):
    """The letters of one failure of one task type, and what people decided about them."""

    id: UUID = shown(source="group.id")
    fingerprint: str = shown(source="group.fingerprint")
    type: str = shown(source="group.type")
    types: list[str] = shown("The type, as a list.", compute=lambda view: [view.group.type])
    category: ErrorCategory = shown(source="group.category")
    error: GroupError = shown(compute=itself)
    state: GroupState = shown(source="group.state")
    state_since: datetime = shown(source="group.state_at")
    state_by: str | None = shown(
        "Who gave it this state; null: the dispatcher.",
        compute=lambda view: view.group.state_by or None,
    )
    state_reason: str | None = shown(
        "What was noted when it got this state.",
        compute=lambda view: view.group.state_reason or None,
    )
    owner: str | None = shown(
        "User name.", compute=lambda view: view.group.owner and view.group.owner.get_username()
    )
    owned_since: datetime | None = shown(source="group.owned_at")
    ticket: str | None = shown(compute=lambda view: view.group.ticket or None)
    muted_until: datetime | None = shown(source="group.muted_until")
    muted_above: int | None = shown("More open letters end the mute.", source="group.muted_above")
    count: int = shown("Open letters.")
    deaths: int = shown("All letters since it was first seen.")
    grown: int = shown("Deaths since it was acknowledged.")
    first_seen_at: datetime = shown(source="group.first_seen")
    last_seen_at: datetime = shown(source="last_seen")
    first_release: str | None = shown(
        "Release of your code on the node on which the first task died; null if none was set.",
        compute=lambda view: view.group.first_release or None,
    )
    last_release: str | None = shown(compute=lambda view: view.group.last_release or None)
    regressed_releases: list[str] = shown(
        "Releases of the nodes on which tasks died after it was resolved.",
        source="group.regressed_releases",
    )
    first_version: str | None = shown(
        "Version of Taskplane on the node on which the first task died; null if none ran it.",
        compute=lambda view: view.group.first_version or None,
    )
    last_version: str | None = shown(compute=lambda view: view.group.last_version or None)
    regressed_versions: list[str] = shown(
        "Versions of the nodes on which tasks died after it was resolved.",
        source="group.regressed_versions",
    )
    version: int = shown("Rises with each decision: send it as If-Match.", source="group.version")
    letter_id: UUID = shown("The newest open letter; without one, the first letter.")


class Note(Resource):
    """What somebody wrote about a group."""

    text: str
    author: str
    created_at: datetime


class ChangeBefore(Resource):
    """A change on record before the group began, or began again."""

    at: datetime
    kind: str = shown("`release`, `version`, `workflow`, `schedule`, `queue` or `scaling`.")
    subject: str
    change: str
    by: str | None = shown(compute=lambda cause: cause.by or None)


class FieldDifference(Resource):
    """How one field of the payloads differs."""

    path: str
    values: list[Any] = shown(
        "The most frequent values as JSON, each with its number of payloads.", guard="payload"
    )
    distinct: int = shown("Different values.")
    missing: int = shown("Payloads without the field.")


class LetterGroupDetail(LetterGroup):
    """A group with its trend, notes, what changed before it, and what differs among payloads."""

    trend: list[int] = shown(
        f"Deaths in the last hour, in {TREND_BARS} steps of {_BAR_MINUTES} minutes, oldest first."
    )
    trend_start: datetime = shown(source="trend_begin")
    trend_is_partial: bool = shown(
        "Only the newest 10,000 letters of the workspace were looked at.",
        source="trends.is_partial",
    )
    notes: list[Note] = shown("The newest fifty, newest first.")
    changed_before: list[ChangeBefore] = shown(
        "Within the day before, newest first, at most ten.", source="causes"
    )
    differences: list[FieldDifference] = shown(
        "Fields of the newest 200 open letters' payloads that differ.",
        source="differences.differing",
    )
