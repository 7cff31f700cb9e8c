from django.apps import AppConfig


class HealthConfig(AppConfig):
    name = "controlplane.ops.health"
    label = "health"
