"""Settings of a component that hashes passwords as in production."""

from controlplane.settings import base
from controlplane.settings.test import *  # noqa: F403 - a settings module is its names

PASSWORD_HASHERS = base.PASSWORD_HASHERS
