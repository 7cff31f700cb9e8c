"""Tasks and queues in the audit log."""

from collections.abc import Mapping
from typing import Any

from controlplane.workspaces.audit.kinds import Kind, common_verbs, register
from tasks_app.models import Queue, Task


def _change_of_queue(detail: Mapping[str, Any]) -> str:
    before, after = detail.get("before"), detail.get("after")
    if not isinstance(before, Mapping) or not isinstance(after, Mapping):
        return "changed"
    if before.get("paused") != after.get("paused"):
        return "paused" if after.get("paused") else "resumed"
    return "changed the limits of"


register(
    Kind(
        target="task",
        noun="task",
        plural="tasks",
        icon="tasks",
        page="tasks_app_task",
        rows=Task.objects.all,
        label="name",
        verbs={
            **common_verbs("task.", "cancel", "retry", "delete"),
            "task.run_now": "started at once",
            "task.edit": "changed",
            "task.reprioritize": "changed the priority of",
            "task.repeat": "repeated the work of",
        },
    ),
    Kind(
        target="queue",
        noun="queue",
        plural="queues",
        icon="queues",
        page="tasks_app_queue",
        rows=Queue.objects.all,
        key="name",
        label="name",
        read=str,
        verbs={
            "queue.change": _change_of_queue,
            "queue.describe": "changed the description of",
        },
    ),
)
