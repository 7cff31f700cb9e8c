"""Addresses of the list of tasks with a filter; its conditions are named as in the API."""

from typing import Any
from urllib.parse import urlencode

import orjson
from django.urls import reverse

from controlplane.core.clock import utc_z
from tasks_app.models import Queue


def tasks_url(**conditions: Any) -> str:
    """The list of the tasks that match; a condition that is None or empty is left out."""
    given = {name: value for name, value in conditions.items() if value not in (None, "", ())}
    texts = {name: _text(value) for name, value in given.items()}
    address = reverse("admin:tasks_app_task_changelist")
    return f"{address}?{urlencode(texts)}" if texts else address


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return utc_z(value) if hasattr(value, "isoformat") else str(value)


def queue_tasks_url(queue: Queue, **conditions: Any) -> str:
    """The tasks of one queue that match, internal ones too: they count in its figures."""
    return tasks_url(workspace=queue.workspace.slug, queue=queue.name, **conditions, internal=True)


def quoted(name: str) -> str:
    """As one value of a condition: a comma alone would separate two."""
    return orjson.dumps(name).decode() if "," in name or '"' in name else name


def type_url(name: str) -> str:
    """The page of a task type."""
    return f"{reverse('admin:tasks_app_typedeclaration_of')}?{urlencode({'name': name})}"
