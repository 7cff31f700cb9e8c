"""The settings of the release after this one."""

from controlplane.settings import *  # noqa: F403 - a settings module is its names
from controlplane.settings import INSTALLED_APPS as _APPS

INSTALLED_APPS = [*_APPS, "tests.next_release"]
