"""The browsable API, and the OpenAPI schema."""

import json
import re
from typing import Any

import pytest
from rest_framework.test import APIClient

from tests.clients import user_client
from tests.factories import make_run, make_workflow
from tests.factories.workflows import APPROVAL
from workflows.models import Workflow

pytestmark = pytest.mark.django_db
HTML = {"Accept": "text/html"}


@pytest.fixture
def browser(db: None) -> APIClient:
    return user_client("admin", enforce_csrf_checks=True)


@pytest.mark.parametrize(
    "path",
    [
        "/workflows",
        "/workflows/validate",
        "/workflows/{workflow}",
        "/workflows/{workflow}/execute",
        "/workflows/{workflow}/status",
        "/workflows/{workflow}/runs",
        "/workflows/{workflow}/versions",
        "/workflows/runs",
        "/workflows/runs/{run}",
        "/workflows/runs/{run}/rerun",
        "/workflows/runs/{run}/steps/look",
        "/workflows/runs/{run}/steps/look/approve",
    ],
)
def test_every_page_renders(browser: APIClient, path: str) -> None:
    run = make_run(make_workflow("<script>alert(1)</script>", APPROVAL))
    answer = browser.get(path.format(run=run.id, workflow=run.workflow_id), headers=HTML)
    assert answer.status_code in (200, 405)
    assert answer["Content-Type"].startswith("text/html")
    page = answer.content.decode()
    assert "</html>" in page
    assert "<script>alert(1)" not in page


def test_the_form_of_the_list_defines_a_workflow(browser: APIClient) -> None:
    page = browser.get("/workflows", headers=HTML).content.decode()
    found = re.search(r"<textarea[^>]*name=\"_content\"[^>]*>(.*?)</textarea>", page, re.DOTALL)
    assert found is not None
    text = found.group(1).replace("&quot;", '"').replace("&gt;", ">")
    token = re.search(r'"csrfToken": "(\w+)"', page.replace("&quot;", '"'))
    assert token is not None
    headers = {"X-CSRFTOKEN": token.group(1), **HTML}
    answer = browser.post("/workflows", json.loads(text), format="json", headers=headers)
    assert answer.status_code == 201
    assert Workflow.objects.get().name == "Order"
    assert browser.post("/workflows", json.loads(text), format="json").status_code == 403


def test_the_schema_has_every_call(schema: dict[str, Any]) -> None:
    run = "/workflows/runs/{id}"
    expected = {
        "/workflows": {"get": "200", "post": "201"},
        "/workflows/validate": {"post": "200"},
        "/workflows/{id}": {"get": "200", "put": "200", "delete": "204"},
        "/workflows/{id}/versions": {"get": "200"},
        "/workflows/{id}/execute": {"post": "202"},
        "/workflows/{id}/status": {"get": "200"},
        "/workflows/{id}/runs": {"get": "200"},
        "/workflows/runs": {"get": "200"},
        run: {"get": "200"},
        f"{run}/cancel": {"post": "200"},
        f"{run}/retry": {"post": "200"},
        f"{run}/rerun": {"post": "202"},
        f"{run}/steps/{{key}}": {"get": "200"},
        f"{run}/steps/{{key}}/approve": {"post": "200"},
        f"{run}/steps/{{key}}/reject": {"post": "200"},
    }
    for path, methods in expected.items():
        for method, status in methods.items():
            call = schema["paths"][path][method]
            assert {status, "401", "403", "503"} <= set(call["responses"]), (path, method)
            assert call["security"], (path, method)


def test_the_schema_lists_the_fields(schema: dict[str, Any], client: APIClient) -> None:
    run = make_run(make_workflow(tasks=APPROVAL))

    def fields(name: str) -> set[str]:
        return set(schema["components"]["schemas"][name]["properties"])

    shown = client.get(f"/workflows/runs/{run.id}").json()
    assert fields("RunDetail") == set(shown)
    assert fields("StepDetail") == set(shown["steps"][0])
    assert fields("Run") == set(client.get("/workflows/runs").json()["data"][0])
    assert fields("Workflow") == set(client.get(f"/workflows/{run.workflow_id}").json())
    listed = client.get("/workflows").json()["data"][0]
    assert fields("WorkflowSummary") == set(listed)


def test_the_schema_has_an_object_for_each_kind_of_step(schema: dict[str, Any]) -> None:
    content = schema["paths"]["/workflows"]["post"]["requestBody"]["content"]["application/json"]
    body = schema["components"]["schemas"][content["schema"]["$ref"].rpartition("/")[2]]
    kinds = {
        each["$ref"].rpartition("/")[2] for each in body["properties"]["tasks"]["items"]["oneOf"]
    }
    assert kinds == {"TaskStep", "WaitStep", "ApprovalStep", "WorkflowStep"}
    assert "maxAttempts" in schema["components"]["schemas"]["TaskStep"]["properties"]
    assert "maxAttempts" not in schema["components"]["schemas"]["WaitStep"]["properties"]


def test_the_examples_are_accepted(client: APIClient, schema: dict[str, Any]) -> None:
    content = schema["paths"]["/workflows/validate"]["post"]["requestBody"]["content"]
    examples = content["application/json"]["examples"]
    assert len(examples) >= 2
    for example in examples.values():
        answer = client.post("/workflows/validate", example["value"], format="json")
        assert answer.status_code == 200, answer.json()
