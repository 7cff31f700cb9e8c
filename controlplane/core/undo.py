"""Undo: what somebody has just changed can be changed back, by a page, a call or a command.

An app registers a function for each kind of change in its module `undo`. It gets the values that
the door has kept since the change, goes through the services as the same actor, who may have lost
the right since, and refuses what somebody else has changed in between.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol
from uuid import UUID

from django.utils.module_loading import autodiscover_modules

from controlplane.core.errors import Conflict
from controlplane.core.requests import current_reason, stating_reason

REASON = "Undo"


class ActAs(Protocol):
    """The actor, who must have the role in the workspace. Raises PermissionDenied, Forbidden."""

    def __call__(self, workspace_id: UUID, needed: Any = ..., /) -> Any: ...


@dataclass(frozen=True, slots=True)
class Undone:
    """What was changed back, in a sentence. `is_whole`: all that had been changed was."""

    text: str
    is_whole: bool = True


# Changes it back. Raises DomainError, PermissionDenied.
Undoer = Callable[[ActAs, dict[str, Any]], Undone]
_undoers: dict[str, Undoer] = {}
_scopes: dict[str, str] = {}


def register_undo(kind: str, *, scope: str = "") -> Callable[[Undoer], Undoer]:
    """Let this function undo changes of the kind. `scope` is what a key needs for it, that of the
    change itself; without one it is undone on pages only."""

    def decorate(undo: Undoer) -> Undoer:
        _undoers[kind] = undo
        if scope:
            _scopes[kind] = scope
        return undo

    return decorate


@cache
def _discover() -> None:
    autodiscover_modules("undo")


def scope_of_undo(kind: str) -> str:
    """What a key needs to undo a change of the kind. Raises Conflict."""
    _discover()
    if kind not in _scopes:
        raise _unknown()
    return _scopes[kind]


def undo(kind: str, values: dict[str, Any], act_as: ActAs) -> Undone:
    """Undo a change. Raises DomainError, PermissionDenied."""
    _discover()
    if kind not in _undoers:
        raise _unknown()
    with stating_reason(current_reason() or REASON):
        return _undoers[kind](act_as, values)


def _unknown() -> Conflict:
    return Conflict("This release does not know how to undo that.")
