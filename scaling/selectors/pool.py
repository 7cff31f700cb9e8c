"""The pool: what is set, and how it stands."""

from scaling.configuration import Configuration
from scaling.models import Pool

POOL = "default"


def get_pool() -> Pool:
    """The installation's one pool; made when there is none yet."""
    return Pool.objects.get_or_create(name=POOL)[0]


def get_configuration(pool: Pool | None = None) -> Configuration:
    """The values in force: the environment's, with what API and admin changed.

    Overrides that no longer fit the environment (a minimum above its new maximum) are refused with
    Invalid; it says which.
    """
    found = pool or get_pool()
    return Configuration.from_environment().changed(found.overrides)
