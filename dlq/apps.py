"""App configuration."""

from django.apps import AppConfig


class DlqConfig(AppConfig):
    name = "dlq"
    verbose_name = "Dead letters"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from dlq import receivers  # noqa: F401 - connects them
        from dlq.services import drive_replays, prune_letters
        from tasks_app.dispatch import sweeps
        from tasks_app.services import register_pruner

        register_pruner("deadLetters", prune_letters)
        sweeps.register("replays", every_seconds=0.5, make=lambda: drive_replays)
