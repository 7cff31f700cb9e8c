"""The filters of dead letters and of their groups, for lists, bulk actions and replays."""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from controlplane.core.schema.filters import condition, write_body
from controlplane.core.schema.values import COMMA, Choices, Flag, Ids, Moment, Search, Texts
from dlq.states import GroupState, LetterStatus
from tasks_app.states import ErrorCategory

MAX_IDS = 1_000
NOBODY = "nobody"
ME = "me"


@dataclass(frozen=True, slots=True)
class LetterFilter:
    """Every condition must match; of several values of a condition, one must match. `since` and
    `until` limit the time of the failure: from `since`, before `until`. `everything` confirms that
    a filter without a condition selects all letters; it does not narrow the filter.
    """

    ids: tuple[UUID, ...] = condition("id", Ids(MAX_IDS), COMMA)
    task_ids: tuple[UUID, ...] = condition(
        "taskId", Ids(MAX_IDS), f"Letters of these tasks. {COMMA}"
    )
    statuses: tuple[str, ...] = condition(
        "status", Choices(choices=tuple(LetterStatus.values)), COMMA
    )
    categories: tuple[str, ...] = condition(
        "category", Choices(choices=tuple(ErrorCategory.values)), COMMA
    )
    types: tuple[str, ...] = condition("type", Texts(), COMMA)
    queues: tuple[str, ...] = condition("queue", Texts(), COMMA)
    fingerprints: tuple[str, ...] = condition(
        "fingerprint", Texts(), f"Letters of the same failure. {COMMA}"
    )
    workflow_run_ids: tuple[UUID, ...] = condition("workflowRunId", Ids(), COMMA)
    nodes: tuple[str, ...] = condition(
        "node", Texts(), f"The last attempt ran on one of these nodes. {COMMA}"
    )
    releases: tuple[str, ...] = condition(
        "release", Texts(), f"It ran on nodes with these releases of your code. {COMMA}"
    )
    versions: tuple[str, ...] = condition(
        "version", Texts(), f"It ran on nodes of these versions of Taskplane. {COMMA}"
    )
    search: str = condition(
        "search",
        Search(),
        "A part of the name, the type, the error's class or message; or a whole id or fingerprint.",
    )
    since: datetime | None = condition("since", Moment(), "Died then or later.")
    until: datetime | None = condition("until", Moment(), "Died before.")
    everything: bool = condition("all", Flag(only_true=True), "No effect in a list.")

    @property
    def is_empty(self) -> bool:
        """Whether it has no condition and no `everything`.

        A status does not count as a condition: actions take open letters only.
        """
        return not self.everything and not any(
            getattr(self, field.name) for field in fields(self) if field.name != "statuses"
        )

    @property
    def must_scan(self) -> bool:
        """Whether no index serves it, so that the query needs a time limit."""
        if self.ids or self.task_ids:
            return False
        indexed = {"everything", "since", "fingerprints"}
        if self.statuses == (LetterStatus.OPEN.value,):
            indexed.add("statuses")
        elif self.fingerprints:
            return True
        return any(getattr(self, field.name) for field in fields(self) if field.name not in indexed)

    @property
    def counted_as(self) -> tuple[str, tuple[str, ...]] | None:
        """The kind and the names of LetterCount that count what matches; None if none do."""
        named = {
            field.name: getattr(self, field.name)
            for field in fields(self)
            if field.name not in ("everything", "statuses") and getattr(self, field.name)
        }
        if not named:
            return "STATUS", self.statuses
        (name, names), *more = named.items()
        # Open letters are counted by these.
        kinds = {"categories": "CATEGORY", "types": "TYPE", "fingerprints": "GROUP"}
        if more or name not in kinds or self.statuses != (LetterStatus.OPEN.value,):
            return None
        return kinds[name], names

    def to_json(self) -> dict[str, Any]:
        """As `read_body` reads it."""
        return write_body(self)


@dataclass(frozen=True, slots=True)
class GroupFilter:
    """Every condition must match; of several values of a condition, one must match."""

    states: tuple[str, ...] = condition(
        "state",
        Choices(choices=tuple(GroupState.values)),
        f"Without it, groups with open letters that are not resolved. {COMMA}",
    )
    owners: tuple[str, ...] = condition(
        "owner", Texts(), f"User names; `{ME}` is the caller, `{NOBODY}` is no owner. {COMMA}"
    )
    fingerprints: tuple[str, ...] = condition("fingerprint", Texts(), COMMA)
    types: tuple[str, ...] = condition("type", Texts(), COMMA)
    categories: tuple[str, ...] = condition(
        "category", Choices(choices=tuple(ErrorCategory.values)), COMMA
    )
    releases: tuple[str, ...] = condition(
        "release", Texts(), f"First or last seen on nodes with these releases of your code. {COMMA}"
    )
    versions: tuple[str, ...] = condition(
        "version", Texts(), f"First or last seen on nodes of these versions of Taskplane. {COMMA}"
    )
    search: str = condition(
        "search", Search(), "A part of the type, the error's class or message; or a fingerprint."
    )
