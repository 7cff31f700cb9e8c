"""A task as JSON, and a failure in serializers."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from controlplane.core.schema import represent
from tasks_app.schema.fields import Error
from tasks_app.schema.tasks import Task


@extend_schema_field(Error)  # type: ignore[arg-type] # the stubs know no extensions
class ErrorField(serializers.JSONField):
    """A failure as it was kept."""


def represent_task(task: Any, fields: tuple[str, ...] | None = None) -> dict[str, Any]:
    """A described task as the platform sees it, all of it or only these fields."""
    return represent(Task, task, None, fields=fields)
