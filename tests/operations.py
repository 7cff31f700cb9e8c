"""Bulk operations driven by a test: previewed, started, carried out pass by pass."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from controlplane.core.clock import now
from controlplane.ops.operations.control import start_operation
from controlplane.ops.operations.driver import OperationDriver
from controlplane.ops.operations.models import Operation
from controlplane.ops.operations.states import OPEN
from controlplane.workspaces.actors import SYSTEM, Actor
from controlplane.workspaces.bulk.preview import (
    Preview,
    find_bulk_verb,
    make_preview,
    read_options,
)
from controlplane.workspaces.bulk.selection import read_selection
from controlplane.workspaces.models import Workspace
from tests.clients import default_workspace


def preview(
    target: str,
    action: str,
    *,
    ids: Sequence[str] | None = None,
    wanted: Mapping[str, Any] | None = None,
    origin: UUID | None = None,
    is_all: bool = False,
    is_rest: bool = False,
    options: Mapping[str, Any] | None = None,
    workspace: Workspace | None = None,
    actor: Actor = SYSTEM,
) -> Preview:
    """What the service makes of a body with these values."""
    verb = find_bulk_verb(target, action)
    return make_preview(
        workspace_id=(workspace or default_workspace()).id,
        verb=verb,
        selection=read_selection(
            verb.target, ids=ids, wanted=wanted, origin=origin, is_all=is_all, is_rest=is_rest
        ),
        options=read_options(verb, options or {}),
        actor=actor,
    )


def start(target: str, action: str, *, rate: float | None = None, **selected: Any) -> Operation:
    """An operation that no dispatcher has begun."""
    found = preview(target, action, **selected)
    return start_operation(
        workspace_id=found.plan.workspace_id,
        token=found.token,
        actor=found.plan.actor,
        reason="a test",
        rate_per_second=rate,
    )


def drive(operation: Operation, *, passes: int = 1, at: datetime | None = None) -> Operation:
    """Passes of the dispatcher at one time."""
    for _ in range(passes):
        OperationDriver().drive(now=at or now())
    operation.refresh_from_db()
    return operation


def drive_to_end(operation: Operation, *, passes: int = 1_000) -> Operation:
    """Passes until it has ended."""
    for _ in range(passes):
        if drive(operation).state not in OPEN:
            return operation
    raise AssertionError(f"The operation stays {operation.state}.")


def run(target: str, action: str, **selected: Any) -> Operation:
    """An operation from its preview to its end."""
    return drive_to_end(start(target, action, **selected))


def outcomes(operation: Operation) -> dict[str, tuple[str, str]]:
    """By object: its outcome, and the sentence beside it."""
    items = operation.items.values_list("target_id", "outcome", "detail")
    return {key: (outcome, detail) for key, outcome, detail in items}
