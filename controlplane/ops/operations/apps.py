"""App configuration."""

from django.apps import AppConfig


class OperationsConfig(AppConfig):
    name = "controlplane.ops.operations"
    label = "operations"
    verbose_name = "Bulk operations"
    default_auto_field = "django.db.models.BigAutoField"
