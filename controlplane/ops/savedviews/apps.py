"""App configuration."""

from django.apps import AppConfig


class SavedViewsConfig(AppConfig):
    name = "controlplane.ops.savedviews"
    label = "savedviews"
    verbose_name = "Saved views"
    default_auto_field = "django.db.models.BigAutoField"
