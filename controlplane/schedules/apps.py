"""App configuration."""

from django.apps import AppConfig


class SchedulesConfig(AppConfig):
    name = "controlplane.schedules"
    label = "schedules"
    verbose_name = "Schedules"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from controlplane.schedules import checks  # noqa: F401 - registers it
