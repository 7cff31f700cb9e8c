"""The addresses of the pages of tasks, and how a test reads them."""

from typing import Any

from django.test import Client

from tasks_app.models import Task

TASKS = "/admin/tasks_app/task/"


def get(client: Client, path: str, **params: Any) -> str:
    answer = client.get(path, params)
    assert answer.status_code == 200, answer.status_code
    return answer.content.decode()


def page_of(task: Task) -> str:
    return f"{TASKS}{task.id}/change/"
