"""Who acts: known at the door, handed to services, written in the audit log; and what an actor may
do and grant: roles, scopes, expiry.

A scope names the route's resource. A call that starts something else needs that resource's scope,
too: a schedule submits tasks, so creating one needs `tasks:write`. Services check this with
`require_scopes`.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from controlplane.core.errors import FieldError, Forbidden
from controlplane.workspaces.states import ActorKind, Role

MAX_SUBMITTER = 220  # characters: a kind and a label


@dataclass(frozen=True, slots=True)
class Actor:
    """A key, a user or the system itself; `role` is its role in the workspace of the request.

    `scopes` narrows a key (empty: everything that the role may do); `expires_at` is the key's end.
    """

    kind: str
    id: str
    label: str
    role: Role | None
    scopes: frozenset[str] = frozenset()
    expires_at: datetime | None = None

    @property
    def as_submitter(self) -> str:
        """As a task keeps who submitted it: `user:ada`, `key:billing`."""
        return f"{self.kind}:{self.label}"[:MAX_SUBMITTER]


SYSTEM = Actor(kind=ActorKind.SYSTEM.value, id="", label="system", role=Role.ADMIN)


ALL = "*"
SUBMIT_TASKS = "tasks:write"
RUN_WORKFLOWS = "workflows:write"


def platform_submitter(label: str) -> str:
    """As a task keeps that a part of the platform submitted it: `system:schedule nightly`."""
    return Actor(ActorKind.SYSTEM.value, "", label, None).as_submitter


def allows(scopes: Collection[str], resource: str, *, is_read: bool) -> bool:
    """Whether scopes allow it: an empty set allows everything, `write` includes `read`, `*` is
    any."""
    verbs = ("read", "write") if is_read else ("write",)
    return not scopes or any(
        f"{name}:{verb}" in scopes for name in (resource, ALL) for verb in verbs
    )


def covers(scopes: Collection[str], wanted: str) -> bool:
    """Whether scopes include another one."""
    resource, _, verb = wanted.partition(":")
    return allows(scopes, resource, is_read=verb == "read")


def require_scopes(actor: Actor, *needed: str) -> None:
    """Raises Forbidden when the actor's key lacks one of these scopes."""
    missing = [scope for scope in needed if not covers(actor.scopes, scope)]
    if missing:
        raise Forbidden(
            f"This key has no scope {missing[0]}, which this call needs because of what it starts."
        )


def require_role(actor: Actor, needed: Role) -> None:
    """Raises Forbidden if the actor's role in the workspace is lower."""
    if actor.role is None or not actor.role.includes(needed):
        raise Forbidden(f"This needs the role {needed}; yours is {actor.role or 'none'}.")


def require_grantable(
    actor: Actor, *, role: Role, scopes: Sequence[str], expires_at: datetime | None
) -> None:
    """Nobody grants a key more than they have. Raises Forbidden, which names each field."""
    require_role(actor, Role.ADMIN)
    errors: list[FieldError] = []
    if actor.scopes and not scopes:
        message = "Your key is limited to scopes: name some of them, since none would mean all."
        errors.append({"field": "scopes", "message": message})
    errors += [
        {"field": f"scopes[{index}]", "message": f"Your own key has no scope {scope}."}
        for index, scope in enumerate(scopes)
        if not covers(actor.scopes, scope)
    ]
    end = actor.expires_at
    if end is not None and (expires_at is None or expires_at > end):
        message = f"Your own key expires at {end.isoformat()}: the new key must expire by then."
        errors.append({"field": "expiresAt", "message": message})
    if not (actor.role and actor.role.includes(role)):
        errors.append({"field": "role", "message": f"Your own role is {actor.role}."})
    if errors:
        raise Forbidden(errors=errors)
