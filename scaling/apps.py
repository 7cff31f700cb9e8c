"""App configuration."""

from django.apps import AppConfig


class ScalingConfig(AppConfig):
    name = "scaling"
    verbose_name = "Scaling"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from scaling.decisions import prune_events
        from tasks_app.services import register_pruner

        register_pruner("scalingEvents", prune_events)
