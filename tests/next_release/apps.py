"""What the release after this one might bring: an app whose migrations change tables that are in
use, in the ways that docs/upgrades.md allows. Only tests/acceptance/test_upgrade.py installs it."""

from django.apps import AppConfig


class NextReleaseConfig(AppConfig):
    name = "tests.next_release"
    label = "next_release"
