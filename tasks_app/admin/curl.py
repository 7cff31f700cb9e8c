"""The call that would submit a task once more, for a terminal."""

import json
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from django.http import HttpRequest

from controlplane.core.http.pathprefix import make_address
from tasks_app.admin.jsontext import visible_json
from tasks_app.admin.taskcopy import list_own_options
from tasks_app.models import Task
from tasks_app.queries.tasks import get_parent_states


def make_curl(request: HttpRequest, task: Task, shown: Mapping[str, Any]) -> str:
    """A curl command for a task and what the person may see of it. The key comes from the
    environment; what is masked stays so."""
    body = {"type": task.type, **list_own_options(task), "payload": shown["payload"]}
    if parents := _list_parents(task, shown):
        body["dependsOn"] = parents
    # Characters that a terminal would not show are escapes in the JSON.
    text = visible_json(json.dumps(body, ensure_ascii=False))
    return " \\\n  ".join(
        [
            f"curl -X POST {shlex.quote(make_address(request, 'tasks'))}",
            '-H "Authorization: Bearer $TASKPLANE_API_KEY"',
            "-H 'Content-Type: application/json'",
            f"-d {shlex.quote(text)}",
        ]
    )


def _list_parents(task: Task, shown: Mapping[str, Any]) -> Sequence[str]:
    """Those that still exist: others would be refused."""
    first = [str(each["id"]) for each in shown["dependencies"]]
    if len(first) == shown["dependenciesTotal"]:
        return first
    return [str(parent) for parent in get_parent_states(task.workspace_id, task.id)]
