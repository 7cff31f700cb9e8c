"""App configuration."""

from django.apps import AppConfig


class TasksAppConfig(AppConfig):
    name = "tasks_app"
    verbose_name = "Tasks"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from tasks_app import receivers  # noqa: F401 - connects them
        from tasks_app.dispatch import counts, promote, prune, rescue, rollups, sweeps, wake
        from tasks_app.processors.discovery import discover
        from tasks_app.services import register_pruner
        from tasks_app.services.rollups import prune_rollups

        discover()
        sweeps.register("promote", every_seconds=0.1, make=lambda: promote.promote)
        sweeps.register("wake", every_seconds=1.0, make=lambda: wake.wake)
        sweeps.register(
            "rescue", every_seconds=rescue.rescue_interval_seconds(), make=rescue.make_rescue
        )
        sweeps.register("counts", every_seconds=2.0, make=lambda: counts.fold)
        sweeps.register("prune", every_seconds=60.0, make=lambda: prune.prune)
        sweeps.register("rollups", every_seconds=10.0, make=lambda: rollups.roll_up)
        register_pruner("rollups", prune_rollups)
