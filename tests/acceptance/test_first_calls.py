"""The first calls of somebody who comes from the system that this one follows."""

from typing import Any

from tests.clients import key_client
from tests.standing import StandingEngine


def post(path: str, body: dict[str, Any], status: int) -> dict[str, Any]:
    response = key_client("operator").post(path, body, format="json")
    assert response.status_code == status, response.content
    return dict(response.json())


def test_the_documented_examples_work(running: StandingEngine) -> None:
    """A task with free data, and a workflow whose steps have names only; the figures then speak of
    these, and of no join."""
    client = key_client("viewer")

    body = {"name": "Process data", "type": "data-processing", "payload": {"data": "example"}}
    task = post("/tasks", {**body, "priority": 10}, 201)
    running.wait_for(task["id"])
    found = client.get(f"/tasks/{task['id']}").json()
    assert found["result"]["records"] == [{"value": "example"}]

    steps = [
        {"name": "Extract", "type": "data-processing", "payload": {"data": [1, 2]}},
        {
            "name": "Load",
            "type": "data-processing",
            "payload": {"data": "{{ steps.extract.result.records }}"},
            "dependsOn": ["Extract"],
        },
    ]
    workflow = post("/workflows", {"name": "ETL", "tasks": steps}, 201)
    assert [step["key"] for step in workflow["tasks"]] == ["extract", "load"]
    assert workflow["tasks"][1]["dependsOn"] == ["extract"]
    run = post(f"/workflows/{workflow['id']}/execute", {}, 202)

    def status() -> Any:
        return client.get(f"/workflows/runs/{run['runId']}").json()["status"]

    running.wait(lambda: status() == "COMPLETED", "the end of the run")

    def stats(**params: str) -> Any:
        return client.get("/tasks/stats", params).json()

    assert stats()["total"] == 3
    assert stats()["byStatus"]["COMPLETED"] == 3
    assert stats()["byType"] == {"data-processing": 3}
    assert stats()["window"]["completed"] == 3
    running.wait(
        lambda: stats(internal="true")["byStatus"]["COMPLETED"] == 5, "the end of both joins"
    )
    assert client.get("/tasks").json()["total"] == 3
    assert client.get("/health/queue").json()["completed"] == 3
