"""App configuration."""

from django.apps import AppConfig


class TasksAppConfig(AppConfig):
    name = "tasks_app"
    verbose_name = "Tasks"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from tasks_app import receivers  # noqa: F401 - connects them
        from tasks_app.declared_queues import declared_queues
        from tasks_app.processors.registry import discover

        discover()
        # A mistake in a setting stops the start.
        declared_queues()
