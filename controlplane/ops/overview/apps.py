from django.apps import AppConfig


class OverviewConfig(AppConfig):
    name = "controlplane.ops.overview"
    label = "overview"
