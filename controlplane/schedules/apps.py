"""App configuration."""

from django.apps import AppConfig


class SchedulesConfig(AppConfig):
    name = "controlplane.schedules"
    label = "schedules"
    verbose_name = "Schedules"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from controlplane.schedules import checks, receivers  # noqa: F401 - connects them
        from controlplane.schedules.services import make_sync, prune_firings, sweeps
        from tasks_app.dispatch.sweeps import register
        from tasks_app.services import register_pruner

        register("schedules", every_seconds=0.5, make=lambda: sweeps.fire)
        register("queued firings", every_seconds=0.5, make=sweeps.StartQueued)
        register("firings", every_seconds=2.0, make=sweeps.Settle)
        register("periodic tasks", every_seconds=1.0, make=sweeps.SyncBeat)
        register("declared schedules", every_seconds=60.0, make=make_sync)
        register_pruner("firings", prune_firings)
