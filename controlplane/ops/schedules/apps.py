"""App configuration."""

from django.apps import AppConfig


class SchedulesConfig(AppConfig):
    name = "controlplane.ops.schedules"
    label = "schedules"
    verbose_name = "Schedules"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from controlplane.ops.schedules import receivers  # noqa: F401 - connects them
