"""The call that would submit a task once more, for a terminal."""

import json
import shlex
from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest
from django.urls import get_script_prefix

from tasks_app.admin.jsontext import visible_json
from tasks_app.processors import registry
from tasks_app.processors.registry import UnknownType


def make_curl(request: HttpRequest, task: Mapping[str, Any]) -> str:
    """A curl command. The key comes from the environment; what is masked stays so."""
    body = {
        name: value
        for name, value in (
            ("type", task["type"]),
            ("name", task["name"]),
            ("payload", task["payload"]),
            *((name, task[name]) for name in _options(task)),
        )
        if value not in (None, "", [])
    }
    address = request.build_absolute_uri(f"{get_script_prefix()}tasks")
    # Characters that a terminal would not show are escapes in the JSON.
    text = visible_json(json.dumps(body, ensure_ascii=False))
    return " \\\n  ".join(
        [
            f"curl -X POST {shlex.quote(address)}",
            '-H "Authorization: Bearer $TASKPLANE_API_KEY"',
            "-H 'Content-Type: application/json'",
            f"-d {shlex.quote(text)}",
        ]
    )


def _options(task: Mapping[str, Any]) -> list[str]:
    """The options that differ from the defaults of the type."""
    names = ["tags", "retry"]
    if task["priority"]:
        names.append("priority")
    try:
        processor = registry.get(task["type"])
    except UnknownType:
        return [*names, "queue", "timeoutSeconds"]
    if task["queue"] != processor.queue:
        names.append("queue")
    if task["timeoutSeconds"] != processor.timeout_seconds:
        names.append("timeoutSeconds")
    return names
