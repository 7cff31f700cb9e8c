"""All that is known of one group, for the API, the command and the page."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from controlplane.core.schema import represent_value
from dlq.differences import MAX_PAYLOADS, Differences, compare_payloads
from dlq.models import DeadLetter, GroupNote, LetterGroup
from dlq.queries.causes import Cause, list_causes
from dlq.queries.groups import (
    GroupView,
    Trends,
    describe_groups,
    list_members,
    list_notes,
    list_similar,
    read_trends,
)


@dataclass(frozen=True, slots=True)
class GroupDetail:
    """A group with its trend, notes, causes, newest open letters, and what differs among their
    payloads, as the actor may see them."""

    view: GroupView
    trends: Trends
    notes: list[GroupNote]
    causes: list[Cause]
    members: list[DeadLetter]
    differences: Differences
    similar: list[LetterGroup]

    @property
    def group(self) -> LetterGroup:
        return self.view.group

    @property
    def count(self) -> int:
        return self.view.count

    @property
    def deaths(self) -> int:
        return self.view.deaths

    @property
    def grown(self) -> int:
        return self.view.grown

    @property
    def last_seen(self) -> datetime:
        return self.view.last_seen

    @property
    def letter_id(self) -> UUID:
        return self.view.letter_id

    @property
    def error_class(self) -> str:
        return self.view.error_class

    @property
    def message(self) -> str:
        return self.view.message

    @property
    def trend(self) -> list[int]:
        """Deaths of the last hour by step, oldest first."""
        return self.trends.of(self.group)

    @property
    def trend_begin(self) -> datetime:
        return self.trends.begin


def describe_group(
    group: LetterGroup, actor: Any, *, view: GroupView | None = None, trends: Trends | None = None
) -> GroupDetail:
    """The group in a fixed number of queries. `actor` None is the platform. `view` and `trends`:
    those of the list beside it."""
    view = view or describe_groups([group])[0]
    members = list_members(group, MAX_PAYLOADS)
    shown = [represent_value("payload", letter.payload, actor) for letter in members]
    return GroupDetail(
        view=view,
        trends=trends or read_trends(group.workspace_id, [group]),
        notes=list_notes(group.id),
        causes=list_causes(group),
        members=members,
        differences=compare_payloads(shown),
        similar=list_similar(group),
    )
