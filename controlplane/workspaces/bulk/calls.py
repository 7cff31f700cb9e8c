"""Calls that change many objects at once, such as `POST /tasks/actions`: they have the preview and
the token of a bulk operation, and do the work themselves."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol
from uuid import UUID

from controlplane.core.errors import TooLarge
from controlplane.core.requests import current_reason
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.bulk import BulkVerb
from controlplane.workspaces.bulk.preview import (
    Plan,
    Preview,
    check_reason,
    make_preview,
    read_token,
    wrong_token,
)
from controlplane.workspaces.bulk.selection import Selection


class Confirmation(Protocol):
    """What the body of such a call says about its preview."""

    token: Any
    reason: Any
    accept_drift: Any
    dry_run: Any


@dataclass(frozen=True, slots=True)
class Call:
    """What is asked for, and by whom."""

    workspace_id: UUID
    verb: BulkVerb
    selection: Selection
    actor: Actor
    options: Mapping[str, Any]

    def preview(self) -> Preview:
        """What it would do now. Raises what make_preview raises."""
        return make_preview(
            workspace_id=self.workspace_id,
            verb=self.verb,
            selection=self.selection,
            options=self.options,
            actor=self.actor,
        )

    def confirm(self, body: Confirmation, *, most: int | None = None) -> Plan | None:
        """Compare it with its preview, whose plan this returns; None without a token, and for a dry
        run. Raises Invalid: the preview is of something else, or a reason is needed; Conflict: the
        set has changed since; TooLarge: there are more than `most`, so that the call would leave
        some out."""
        if body.token is None or body.dry_run:
            return None
        plan = self.compare(body.token, accept_drift=body.accept_drift)
        check_reason(plan, body.reason or current_reason())
        members = plan.members
        if most is not None and (members.is_estimate or members.count > most):
            message = f"A call changes at most {most:,} that were previewed: start it with "
            raise TooLarge(f"{message}POST /operations, or narrow it.")
        return plan

    def compare(self, token: str, *, accept_drift: bool = False) -> Plan:
        """The plan of its preview. Raises Invalid: the preview is of something else, or too old;
        Conflict: the set has changed since, or nothing matches."""
        plan = read_token(
            token, workspace_id=self.workspace_id, actor=self.actor, accept_drift=accept_drift
        )
        named = self.verb.target.name_caller(self.selection.filter, self.actor)
        selection = replace(self.selection, filter=named)
        if (plan.verb, plan.selection, plan.options) != (self.verb, selection, self.options):
            raise wrong_token("This is the preview of another action, or of other objects.")
        return plan
