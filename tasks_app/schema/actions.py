"""Bulk actions."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, ClassVar
from uuid import UUID

from annotated_types import Len
from pydantic import Field

from controlplane.core.errors import FieldError, Invalid
from controlplane.core.schema import Request, Resource, shown
from controlplane.core.schema.fields import Flag, JsonObject, OneOf
from controlplane.workspaces.bulk.schema import (
    ACCEPT_DRIFT,
    REASON,
    TOKEN,
    PreviewToken,
    Reason,
)
from controlplane.workspaces.bulk.selection import Selection
from tasks_app.filters import TaskFilter, filter_of_body
from tasks_app.schema.fields import Priority, optional

ACTIONS = ("cancel", "retry", "reprioritize", "delete")
MAX_IDS = 10_000


class TaskAction(Request):
    """An action on tasks, selected by `ids` or by a `filter` with the parameters of the list. A
    filter that selects every task needs `"all": true`.
    """

    example: ClassVar[Mapping[str, Any]] = {}

    action: Annotated[str, OneOf(ACTIONS)] = Field(description="The verb for each task.")
    ids: Annotated[list[Annotated[UUID, Field(strict=False)]], Len(1, MAX_IDS)] = optional()
    filter: JsonObject = optional('Like `{"status": ["FAILED"], "type": "http-request"}`.')
    all: Flag = False
    priority: Priority = optional()
    dry_run: Flag = Field(False, description="Count the tasks only.")
    reason: Reason = REASON
    token: PreviewToken = TOKEN
    accept_drift: Flag = ACCEPT_DRIFT

    @property
    def wanted(self) -> TaskFilter:
        """The tasks. Raises Invalid."""
        if self.ids is not None:
            return TaskFilter(ids=tuple(dict.fromkeys(self.ids)))
        return filter_of_body(self.filter)

    @property
    def selection(self) -> Selection:
        """The tasks, for a preview."""
        if self.ids is not None:
            return Selection(ids=tuple(dict.fromkeys(map(str, self.ids))))
        return Selection(filter=self.filter or {})

    @property
    def options(self) -> Mapping[str, Any]:
        """What the action needs beside the tasks."""
        return {} if self.priority is None else {"priority": self.priority}

    def cross_check(self) -> Iterable[FieldError]:
        """Exactly one way to select tasks, a priority only where it belongs, and no accidental
        selection of all tasks."""
        if (self.ids is None) == (self.filter is None):
            yield {"field": "ids", "message": "Give ids or a filter, one of the two."}
            return
        if (self.action == "reprioritize") != (self.priority is not None):
            message = "Only reprioritize takes a priority, and needs it."
            yield {"field": "priority", "message": message}
        try:
            is_everything = self.wanted.is_empty
        except Invalid as error:
            yield from error.errors
            return
        if is_everything and not self.all:
            message = 'This selects every task of the workspace: confirm it with "all": true.'
            yield {"field": "filter", "message": message}


class ActionResult(Resource):
    """How many tasks matched, and how many changed."""

    matched: int = shown("Selected tasks in a state to which the action applies.")
    changed: int = shown("0 for a dry run.")
    dry_run: bool = shown(source="is_dry_run")
    has_more: bool = shown("The call's limit was reached: repeat it for the rest.")
