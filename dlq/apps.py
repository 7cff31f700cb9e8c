"""App configuration."""

from django.apps import AppConfig


class DlqConfig(AppConfig):
    name = "dlq"
    verbose_name = "Dead letters"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from controlplane.core.runtime import sweeps
        from dlq import receivers  # noqa: F401 - connects them
        from dlq.recording import prune_letters
        from dlq.replay_driver import ReplayDriver
        from dlq.replays import prune_replays
        from tasks_app.services import register_pruner

        register_pruner("deadLetters", prune_letters)
        register_pruner("replays", prune_replays)
        sweeps.register("replays", every_seconds=0.5, make=lambda: ReplayDriver().drive)
