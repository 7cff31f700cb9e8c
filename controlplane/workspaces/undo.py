"""Tokens of undo: what a page keeps in its session, a client of the API and a person at a terminal
get in their hands. A token is for the actor who made the change, for an hour."""

from typing import Any
from uuid import UUID

from django.core import signing

from controlplane.core.errors import FieldError, Forbidden, Invalid
from controlplane.core.undo import scope_of_undo, undo
from controlplane.workspaces.actors import Actor, require_role, require_scopes
from controlplane.workspaces.states import Role

UNDO_HEADER = "X-Undo"
UNDO_SECONDS = 3_600
_SALT = "taskplane.undo"
# Proxies and clients refuse a response whose header lines are longer than 4 or 8 kB.
_MAX_HEADER = 3_000


def make_undo_token(kind: str, values: dict[str, Any], actor: Actor) -> str:
    """Undoes a change that this actor has just made; see `controlplane.core.undo`."""
    value = {"kind": kind, "values": values, "actor": _name(actor)}
    return signing.dumps(value, salt=_SALT, compress=True)


def offer_undo(request: Any, kind: str, values: dict[str, Any]) -> None:
    """Give the token to the client, in the response of the call, unless it is too long for a
    header."""
    token = make_undo_token(kind, values, request.actor)
    if len(token) <= _MAX_HEADER:
        request.own_headers = {UNDO_HEADER: token}


def undo_by_token(token: str, *, actor: Actor, workspace_id: UUID | None = None) -> str:
    """Undo that change, and say so. Raises Invalid: no token of this actor, or too old; Forbidden;
    Conflict: somebody else has changed it since. `workspace_id` None: the actor may act in all."""
    try:
        value = signing.loads(token, salt=_SALT, max_age=UNDO_SECONDS)
    except signing.SignatureExpired:
        raise _wrong("It is more than an hour old: change it back by hand.") from None
    except signing.BadSignature:
        raise _wrong("This is not what a change answered for its undo.") from None
    if value["actor"] != _name(actor):
        raise _wrong("Somebody else made this change.")
    require_scopes(actor, scope_of_undo(value["kind"]))

    def act_as(changed_in: UUID, needed: Role = Role.OPERATOR, /) -> Actor:
        if workspace_id not in (None, changed_in):
            raise Forbidden("The change was made in another workspace.")
        require_role(actor, needed)
        return actor

    return undo(value["kind"], value["values"], act_as).text


def _name(actor: Actor) -> list[str]:
    """Who it is. Only people at a terminal have no id."""
    return [actor.kind, actor.id or actor.label]


def _wrong(message: str) -> Invalid:
    return Invalid(errors=[FieldError(field="token", message=message)])
