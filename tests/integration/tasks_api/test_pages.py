"""The browsable API, and the OpenAPI schema."""

import json
import re
from typing import Any

import pytest
from rest_framework.test import APIClient

from tasks_app.models import Task
from tests.clients import user_client
from tests.factories import make_task

pytestmark = pytest.mark.django_db
HTML = {"Accept": "text/html"}


@pytest.fixture
def browser(db: None) -> APIClient:
    return user_client("admin", enforce_csrf_checks=True)


@pytest.mark.parametrize(
    "path",
    [
        "/tasks",
        "/tasks?status=PENDING&limit=1",
        "/tasks/bulk",
        "/tasks/actions",
        "/tasks/stats",
        "/tasks/{task}",
        "/tasks/{task}/explain",
        "/tasks/{task}/retry",
        "/task-types",
        "/queues",
        "/queues/default",
    ],
)
def test_every_page_renders(browser: APIClient, path: str) -> None:
    task = make_task(name="<script>alert(1)</script>")
    answer = browser.get(path.format(task=task.id), headers=HTML)
    assert answer.status_code in (200, 405)
    assert answer["Content-Type"].startswith("text/html")
    page = answer.content.decode()
    assert "</html>" in page
    assert "<script>alert(1)" not in page


def test_the_form_submits_a_task(browser: APIClient) -> None:
    page = browser.get("/tasks", headers=HTML).content.decode()
    found = re.search(r"<textarea[^>]*name=\"_content\"[^>]*>(.*?)</textarea>", page, re.DOTALL)
    assert found is not None
    example = json.loads(found.group(1).replace("&quot;", '"'))
    assert example["type"] == "noop"
    token = re.search(r'"csrfToken": "(\w+)"', page.replace("&quot;", '"'))
    assert token is not None
    # As the page's script sends it.
    answer = browser.post(
        "/tasks", example, format="json", headers={"X-CSRFTOKEN": token.group(1), **HTML}
    )
    assert answer.status_code == 201
    assert Task.objects.get().name == example["name"]


def test_without_the_token_nothing_is_written(browser: APIClient) -> None:
    assert browser.post("/tasks", {"type": "noop"}, format="json").status_code == 403
    assert not Task.objects.exists()


def test_errors_render_as_pages_too(browser: APIClient) -> None:
    answer = browser.get("/tasks?stauts=FAILED", headers=HTML)
    assert answer.status_code == 422
    assert "stauts" in answer.content.decode()


def test_the_schema_has_every_call_of_the_contract(schema: dict[str, Any]) -> None:
    expected = {
        "/tasks": {"get", "post"},
        "/tasks/bulk": {"post"},
        "/tasks/actions": {"post"},
        "/tasks/stats": {"get"},
        "/tasks/export": {"get"},
        "/tasks/{id}": {"get", "patch", "delete"},
        "/tasks/{id}/explain": {"get"},
        "/tasks/{id}/retry": {"post"},
        "/tasks/{id}/run-now": {"post"},
        "/task-types": {"get"},
        "/queues": {"get"},
        "/queues/{name}": {"get", "patch"},
    }
    for path, methods in expected.items():
        assert set(schema["paths"][path]) >= methods, path
        for method in methods:
            call = schema["paths"][path][method]
            assert {"401", "403", "503"} <= set(call["responses"]), (path, method)
            assert call["security"], (path, method)
            problem = call["responses"]["401"]["content"]
            assert set(problem) == {"application/problem+json"}


def test_the_schema_lists_the_fields_of_a_task(schema: dict[str, Any], client: APIClient) -> None:
    body = client.get(f"/tasks/{make_task('COMPLETED').id}").json()
    assert set(schema["components"]["schemas"]["TaskDetail"]["properties"]) == set(body)
    error = schema["components"]["schemas"]["Error"]["properties"]
    assert set(error) == {"class", "message", "traceback", "category"}
    listed = client.get("/tasks").json()
    assert set(schema["components"]["schemas"]["Task"]["properties"]) == set(listed["data"][0])
    explained = client.get(f"/tasks/{body['id']}/explain").json()
    assert set(schema["components"]["schemas"]["Explanation"]["properties"]) == set(explained)
    queue = client.get("/queues/default").json()
    assert set(schema["components"]["schemas"]["QueueDetail"]["properties"]) == set(queue)
    stats = client.get("/tasks/stats").json()
    assert set(schema["components"]["schemas"]["TaskStats"]["properties"]) == set(stats)
