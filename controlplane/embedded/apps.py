"""The app `embedded`."""

from typing import Any

from django.apps import AppConfig
from django.db import connections
from django.db.models.signals import pre_migrate


class EmbeddedConfig(AppConfig):
    """Embedded servers and the command that runs everything; it has no models."""

    name = "controlplane.embedded"
    label = "embedded"
    verbose_name = "Embedded servers"

    def ready(self) -> None:
        pre_migrate.connect(_lift_statement_timeout, sender=self)


def _lift_statement_timeout(using: str, **kwargs: Any) -> None:
    # Building an index on a large table takes longer than any statement of a request may.
    with connections[using].cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
