"""Store, list, show, replace, delete and check definitions."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from controlplane.workspaces.models import AuditEvent
from tests.factories import make_run, make_workflow
from tests.factories.workflows import CHAIN
from tests.jsonvalues import is_same
from workflows.models import Workflow, WorkflowRun, WorkflowVersion

pytestmark = pytest.mark.django_db
NOBODY = "018f6f2e-0000-7000-8000-000000000000"
SCHEMA = {"type": "object", "properties": {"total": {"type": "integer"}}}


def body(**fields: Any) -> dict[str, Any]:
    return {"name": "Order", "description": "It ships.", "tasks": CHAIN, **fields}


class TestCreate:
    """POST /workflows."""

    def test_it_answers_with_the_workflow(self, operator: APIClient) -> None:
        answer = operator.post("/workflows", body(inputSchema=SCHEMA), format="json")
        assert answer.status_code == 201, answer.json()
        made = answer.json()
        assert (made["name"], made["description"], made["version"]) == ("Order", "It ships.", 1)
        assert (made["tasks"], made["inputSchema"]) == (CHAIN, SCHEMA)
        assert made["createdBy"].startswith("a test")
        assert operator.get(f"/workflows/{made['id']}").json() == made
        event = AuditEvent.objects.get(action="workflow.create")
        assert event.actor_label == made["createdBy"]

    def test_a_taken_name(self, client: APIClient) -> None:
        make_workflow()
        answer = client.post("/workflows", body(), format="json")
        assert answer.status_code == 409
        assert "Order" in answer.json()["detail"]
        assert Workflow.objects.count() == 1

    @pytest.mark.parametrize("in_header", [True, False])
    def test_idempotency(self, client: APIClient, in_header: bool) -> None:
        headers = {"Idempotency-Key": "k"} if in_header else {}
        key = {} if in_header else {"idempotencyKey": "k"}
        first = client.post("/workflows", body(**key), format="json", headers=headers)
        again = client.post("/workflows", body(**key), format="json", headers=headers)
        assert (first.status_code, again.status_code) == (201, 200)
        assert first.json() == again.json()
        changed = body(**key, tasks=CHAIN[:1])
        assert client.post("/workflows", changed, format="json", headers=headers).status_code == 409
        assert Workflow.objects.count() == 1

    def test_two_keys_are_one_too_many(self, client: APIClient) -> None:
        answer = client.post(
            "/workflows", body(idempotencyKey="a"), format="json", headers={"Idempotency-Key": "b"}
        )
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"] == "idempotencyKey"

    @pytest.mark.parametrize(
        ("sent", "field", "words"),
        [
            (body(tasks=[{"key": "a", "type": "nop"}]), "tasks[0].type", "nop"),
            (
                body(tasks=[{"key": "a", "type": "noop", "dependsOn": ["b"]}]),
                "tasks[0].dependsOn",
                "b",
            ),
            (
                body(tasks=[{"key": "a", "type": "noop", "when": "1 +"}]),
                "tasks[0].when",
                "'a'",
            ),
            (body(tasks=[]), "tasks", ""),
            (body(name=""), "name", ""),
            (body(name=7), "name", ""),
            (body(steps=[]), "steps", ""),
            (body(idempotencyKey=7), "idempotencyKey", "string"),
            (body(inputSchema={"type": "nonsense"}), "inputSchema", ""),
            ([], "", "object"),
        ],
    )
    def test_what_is_wrong_is_named(
        self, client: APIClient, sent: Any, field: str, words: str
    ) -> None:
        answer = client.post("/workflows", sent, format="json")
        assert answer.status_code == 422, answer.json()
        errors = answer.json().get("errors") or [{"field": "", "message": answer.json()["detail"]}]
        assert errors[0]["field"].startswith(field)
        assert words in errors[0]["message"]
        assert not Workflow.objects.exists()

    def test_a_cycle_is_reported_with_its_steps(self, client: APIClient) -> None:
        cycle = [
            {"key": "a", "type": "noop", "dependsOn": ["b"]},
            {"key": "b", "type": "noop", "dependsOn": ["a"]},
        ]
        answer = client.post("/workflows", body(tasks=cycle), format="json")
        assert answer.status_code == 422
        assert "a" in answer.json()["detail"]
        assert "b" in answer.json()["detail"]


class TestList:
    """GET /workflows."""

    def test_search_sort_and_pages(self, viewer: APIClient) -> None:
        for name in ("beta", "alpha", "gamma"):
            make_workflow(name)
        found = viewer.get("/workflows").json()
        assert [each["name"] for each in found["data"]] == ["gamma", "alpha", "beta"]
        assert found["total"] == 3
        assert "tasks" not in found["data"][0]
        by_name = viewer.get("/workflows?sort=name&limit=2").json()
        assert [each["name"] for each in by_name["data"]] == ["alpha", "beta"]
        rest = viewer.get(f"/workflows?sort=name&limit=2&cursor={by_name['nextCursor']}").json()
        assert [each["name"] for each in rest["data"]] == ["gamma"]
        assert rest["nextCursor"] is None
        searched = viewer.get("/workflows?search=ALPH").json()
        assert [each["name"] for each in searched["data"]] == ["alpha"]

    @pytest.mark.parametrize("query", ["limit=0", "limit=201", "sort=steps", "nane=x", "cursor=x"])
    def test_wrong_parameters(self, viewer: APIClient, query: str) -> None:
        assert viewer.get(f"/workflows?{query}").status_code == 422


class TestVersions:
    """PUT, ?version=, /versions."""

    def test_a_change_makes_a_version(self, operator: APIClient) -> None:
        workflow = make_workflow()
        path = f"/workflows/{workflow.id}"
        answer = operator.put(path, body(name="Orders", tasks=CHAIN[:1]), format="json")
        assert answer.status_code == 200, answer.json()
        assert (answer.json()["version"], answer.json()["name"]) == (2, "Orders")
        assert operator.get(path).json()["tasks"] == CHAIN[:1]
        old = operator.get(f"{path}?version=1").json()
        assert (old["tasks"], old["version"], old["newestVersion"]) == (CHAIN, 1, 2)
        versions = operator.get(f"{path}/versions").json()
        assert [each["version"] for each in versions["data"]] == [2, 1]
        one = operator.get(f"{path}/versions?limit=1").json()
        assert one["total"] == 2
        rest = operator.get(f"{path}/versions?limit=1&cursor={one['nextCursor']}").json()
        assert [each["version"] for each in rest["data"]] == [1]

    def test_the_same_body_makes_none(self, operator: APIClient) -> None:
        workflow = make_workflow(description="It ships.")
        answer = operator.put(f"/workflows/{workflow.id}", body(), format="json")
        assert answer.json()["version"] == 1
        assert WorkflowVersion.objects.count() == 1

    def test_a_number_of_another_kind_is_a_change(self, operator: APIClient) -> None:
        workflow = make_workflow()
        path = f"/workflows/{workflow.id}"
        for version, number in enumerate([1, 1.0, True, 1e20], start=2):
            step = {"key": "a", "type": "test-echo", "payload": {"n": number}}
            for _ in range(2):
                answer = operator.put(path, body(tasks=[step]), format="json")
                assert answer.json()["version"] == version
            (shown,) = operator.get(path).json()["tasks"]
            assert is_same(shown["payload"], {"n": number})

    def test_a_run_keeps_its_version(self, client: APIClient) -> None:
        workflow = make_workflow()
        run = make_run(workflow)
        client.put(f"/workflows/{workflow.id}", body(tasks=CHAIN[:1]), format="json")
        shown = client.get(f"/workflows/runs/{run.id}").json()
        assert (shown["version"], len(shown["steps"])) == (1, 2)

    def test_wrong_ones(self, client: APIClient) -> None:
        workflow = make_workflow()
        make_workflow("Taken")
        path = f"/workflows/{workflow.id}"
        assert client.put(path, body(tasks=[]), format="json").status_code == 422
        assert client.put(path, body(name="Taken"), format="json").status_code == 409
        assert client.put(f"/workflows/{NOBODY}", body(), format="json").status_code == 404
        assert client.get(f"{path}?version=7").status_code == 404
        assert client.get(f"{path}?version=one").status_code == 422
        assert client.get(f"{path}?version=99999999999999").status_code == 422
        assert WorkflowVersion.objects.count() == 2


class TestDelete:
    """DELETE /workflows/{id}."""

    def test_runs_stay_and_the_name_is_free(self, operator: APIClient) -> None:
        workflow = make_workflow()
        run = make_run(workflow)
        path = f"/workflows/{workflow.id}"
        answer = operator.delete(path)
        assert (answer.status_code, answer.content) == (204, b"")
        assert operator.get(path).status_code == 404
        assert operator.delete(path).status_code == 404
        assert operator.post(f"{path}/execute", {}, format="json").status_code == 404
        shown = operator.get(f"/workflows/runs/{run.id}").json()
        assert (shown["status"], shown["workflowName"]) == ("RUNNING", "Order")
        assert operator.get(f"{path}/runs").json()["total"] == 1
        assert operator.post("/workflows", body(), format="json").status_code == 201
        assert WorkflowRun.objects.count() == 1


class TestValidate:
    """POST /workflows/validate."""

    def test_steps_and_their_order(self, operator: APIClient) -> None:
        tasks = [CHAIN[1], CHAIN[0], {"key": "p", "type": "wait", "payload": {"seconds": 1}}]
        answer = operator.post("/workflows/validate", body(tasks=tasks), format="json")
        assert answer.status_code == 200, answer.json()
        found = answer.json()
        assert found["valid"] is True
        assert found["order"].index("charge") < found["order"].index("ship")
        kinds = {step["key"]: (step["kind"], step["dependsOn"]) for step in found["steps"]}
        assert kinds == {
            "charge": ("task", []),
            "ship": ("task", ["charge"]),
            "p": ("wait", []),
        }
        assert not Workflow.objects.exists()

    def test_what_is_wrong(self, operator: APIClient) -> None:
        tasks = [{"key": "a", "type": "noop", "payload": {"x": "{{ steps.zz.result }}"}}]
        answer = operator.post("/workflows/validate", body(tasks=tasks), format="json")
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"].startswith("tasks[0].payload")
