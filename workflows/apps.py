"""App configuration."""

from django.apps import AppConfig


class WorkflowsConfig(AppConfig):
    name = "workflows"
    verbose_name = "Workflows"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from controlplane.core.runtime import sweeps
        from tasks_app.services import register_pruner
        from workflows.repair import make_repair_sweep, prune_runs

        register_pruner("workflowRuns", prune_runs)
        sweeps.register("workflows", every_seconds=5.0, make=make_repair_sweep)
