"""The addresses of the pages of tasks, and how a test reads them."""

from typing import Any

from django.test import Client

from tasks_app.models import Task

TASKS = "/admin/tasks_app/task/"
SUBMIT = f"{TASKS}submit/"


def get(client: Client, path: str, **params: Any) -> str:
    answer = client.get(path, params)
    assert answer.status_code == 200, answer.status_code
    return answer.content.decode()


def page_of(task: Task) -> str:
    return f"{TASKS}{task.id}/change/"


def texts_of(client: Client, query: str) -> dict[str, Any]:
    """What the form of a task would send without a change."""
    form = client.get(SUBMIT + query).context["form"]
    initial = {name: value for name, value in form.options.initial.items() if value is not None}
    mode = "json" if form.is_json else "form"
    return {**form.texts, **initial, "mode": mode, "payload": form.json_text}
