from typing import Any

from django.apps import AppConfig
from django.contrib.admin.apps import SimpleAdminConfig
from django.db.models.signals import post_migrate


class WorkspacesConfig(AppConfig):
    name = "controlplane.workspaces"
    label = "workspaces"
    default = True

    def ready(self) -> None:
        post_migrate.connect(_make_default_workspace, sender=self)


class AdminConfig(SimpleAdminConfig):
    """The admin with the site of this project. Its pages are imported with the URLs, and not by
    every command."""

    default_site = "controlplane.workspaces.adminaccess.TaskplaneAdminSite"


def _make_default_workspace(*, using: str, **_: Any) -> None:
    """The migration creates it; this creates it again after `flush`."""
    from controlplane.workspaces.services import ensure_default_workspace

    ensure_default_workspace(using=using)
