from django.apps import AppConfig
from django.db.models.signals import post_migrate


class WorkspacesConfig(AppConfig):
    name = "controlplane.workspaces"
    label = "workspaces"

    def ready(self) -> None:
        from controlplane.workspaces.receivers import make_default_workspace

        post_migrate.connect(make_default_workspace, sender=self)
