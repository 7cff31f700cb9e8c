"""Roles, and who acts."""

from uuid import UUID

from django.db import models

DEFAULT_WORKSPACE = "default"
# Known beforehand, so that a submission without a workspace needs no query to find it.
DEFAULT_WORKSPACE_ID = UUID("00000000-0000-7000-8000-000000000001")


class Role(models.TextChoices):
    """Each role has the rights of the previous one, and more."""

    VIEWER = "viewer"  # reads
    OPERATOR = "operator"  # also creates, cancels, retries, reprocesses, triggers
    ADMIN = "admin"  # also configuration, keys, members

    def includes(self, needed: "Role | str") -> bool:
        ranks = list(Role)
        return ranks.index(self) >= ranks.index(Role(needed))


class ActorKind(models.TextChoices):
    """The kind of an actor."""

    KEY = "key"
    USER = "user"
    SYSTEM = "system"
