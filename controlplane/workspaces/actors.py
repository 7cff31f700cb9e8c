"""Who acts: known at the door, handed to services, written in the audit log."""

from dataclasses import dataclass
from datetime import datetime

from controlplane.workspaces.states import ActorKind, Role


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


SYSTEM = Actor(kind=ActorKind.SYSTEM.value, id="", label="system", role=Role.ADMIN)
