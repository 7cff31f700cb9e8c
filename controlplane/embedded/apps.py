"""The app `embedded`."""

from django.apps import AppConfig


class EmbeddedConfig(AppConfig):
    """Embedded servers and the command that runs everything; it has no models."""

    name = "controlplane.embedded"
    label = "embedded"
    verbose_name = "Embedded servers"
