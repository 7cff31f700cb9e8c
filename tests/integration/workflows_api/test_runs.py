"""Start, list, show, cancel, retry, repeat, decide."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from controlplane.workspaces.models import Workspace
from tasks_app.models import Task
from tests.factories import make_run, make_workflow
from tests.factories.workflows import APPROVAL, end_run, end_step
from workflows.models import RunStep, WorkflowRun
from workflows.queries import run_view

pytestmark = pytest.mark.django_db
NOBODY = "018f6f2e-0000-7000-8000-000000000000"
SCHEMA = {
    "type": "object",
    "required": ["total"],
    "properties": {"total": {"type": "integer"}},
}


class TestExecute:
    """POST /workflows/{id}/execute."""

    def test_it_starts_a_run(self, operator: APIClient) -> None:
        workflow = make_workflow(inputSchema=SCHEMA)
        answer = operator.post(
            f"/workflows/{workflow.id}/execute", {"input": {"total": 3}}, format="json"
        )
        assert answer.status_code == 202, answer.json()
        assert set(answer.json()) == {"runId", "status"}
        run = operator.get(f"/workflows/runs/{answer.json()['runId']}").json()
        assert (run["workflowId"], run["input"]) == (str(workflow.id), {"total": 3})
        assert (run["status"], run["progress"], run["version"]) == ("RUNNING", 0, 1)
        assert run["startedBy"].startswith("a test")
        first, second = run["steps"]
        assert (first["key"], first["kind"], first["dependsOn"]) == ("charge", "task", [])
        assert (second["status"], second["dependsOn"]) == ("PENDING", ["charge"])
        task = Task.objects.get(id=first["taskIds"][0])
        assert (str(task.workflow_run_id), task.step_key) == (run["runId"], "charge")
        assert (first["tasksTotal"], first["tasksEnded"]) == (1, 0)

    def test_the_input_must_fit(self, operator: APIClient) -> None:
        workflow = make_workflow(inputSchema=SCHEMA)
        path = f"/workflows/{workflow.id}/execute"
        for sent, field in [
            ({"input": {"total": "x"}}, "input.total"),
            ({}, "input"),
            ({"inputs": {}}, "inputs"),
            ({"rerunOf": "x"}, "rerunOf"),
        ]:
            answer = operator.post(path, sent, format="json")
            assert answer.status_code == 422, sent
            assert answer.json()["errors"][0]["field"].startswith(field)
        huge = {"input": {"total": 1, "x": "y" * 300_000}}
        assert operator.post(path, huge, format="json").status_code == 413
        assert not WorkflowRun.objects.exists()
        assert operator.post(f"/workflows/{NOBODY}/execute", {}, format="json").status_code == 404

    @pytest.mark.parametrize("in_header", [True, False])
    def test_idempotency(self, operator: APIClient, in_header: bool) -> None:
        path = f"/workflows/{make_workflow().id}/execute"
        headers = {"Idempotency-Key": "k"} if in_header else {}
        key = {} if in_header else {"idempotencyKey": "k"}
        first = operator.post(path, {"input": {"a": 1}, **key}, format="json", headers=headers)
        again = operator.post(path, {"input": {"a": 1}, **key}, format="json", headers=headers)
        other = operator.post(path, {"input": {"a": 2}, **key}, format="json", headers=headers)
        assert (first.status_code, again.status_code, other.status_code) == (202, 200, 409)
        assert first.json()["runId"] == again.json()["runId"]
        assert WorkflowRun.objects.count() == 1


class TestLists:
    """Lists of runs."""

    def test_of_one_and_of_all(self, viewer: APIClient) -> None:
        one, two = make_workflow("one"), make_workflow("two")
        first, second, third = make_run(one), make_run(one), make_run(two)
        end_run(first.id, "FAILED")
        found = viewer.get(f"/workflows/{one.id}/runs").json()
        assert [each["runId"] for each in found["data"]] == [str(second.id), str(first.id)]
        assert "steps" not in found["data"][0]
        failed = viewer.get(f"/workflows/{one.id}/runs?status=FAILED,CANCELLED").json()
        assert [each["runId"] for each in failed["data"]] == [str(first.id)]
        everything = viewer.get("/workflows/runs?limit=2").json()
        assert [each["runId"] for each in everything["data"]] == [str(third.id), str(second.id)]
        rest = viewer.get(f"/workflows/runs?limit=2&cursor={everything['nextCursor']}").json()
        assert [each["runId"] for each in rest["data"]] == [str(first.id)]
        narrowed = viewer.get(f"/workflows/runs?workflowId={two.id}").json()
        assert [each["workflowName"] for each in narrowed["data"]] == ["two"]
        assert viewer.get(f"/workflows/runs?workflowId={two.id}&status=FAILED").json()["total"] == 0

    @pytest.mark.parametrize("query", ["status=NOPE", "state=FAILED", "workflowId=x", "sort=name"])
    def test_wrong_parameters(self, viewer: APIClient, query: str) -> None:
        assert viewer.get(f"/workflows/runs?{query}").status_code == 422

    def test_of_nothing(self, viewer: APIClient) -> None:
        assert viewer.get(f"/workflows/{NOBODY}/runs").status_code == 404
        assert viewer.get(f"/workflows/{make_workflow().id}/runs").json()["data"] == []


class TestShow:
    """GET …/status and GET /workflows/runs/{id}."""

    def test_the_newest_run(self, viewer: APIClient) -> None:
        workflow = make_workflow()
        path = f"/workflows/{workflow.id}/status"
        answer = viewer.get(path)
        assert answer.status_code == 404
        assert "has not run yet" in answer.json()["detail"]
        make_run(workflow)
        newest = make_run(workflow)
        assert viewer.get(path).json()["runId"] == str(newest.id)
        assert len(viewer.get(path).json()["steps"]) == 2
        assert viewer.get(f"/workflows/{NOBODY}/status").status_code == 404

    def test_what_steps_gave(self, viewer: APIClient) -> None:
        run = make_run()
        end_step(run.id, "charge", result={"paid": 3}, result_bytes=10)
        error = {"class": "E", "message": "no", "traceback": "", "category": "CODE"}
        end_step(run.id, "ship", "FAILED", error=error)
        first, second = viewer.get(f"/workflows/runs/{run.id}").json()["steps"]
        assert (first["result"], first["resultBytes"]) == ({"paid": 3}, 10)
        assert (second["error"], second["result"]) == (error, None)
        assert first["finishedAt"].endswith("Z")

    def test_large_results_are_left_to_the_step(self, viewer: APIClient) -> None:
        run = make_run()
        large = "x" * 70_000
        end_step(run.id, "charge", result=large, result_bytes=70_002)
        step = viewer.get(f"/workflows/runs/{run.id}").json()["steps"][0]
        assert (step["result"], step["resultBytes"]) == (None, 70_002)
        whole = viewer.get(f"/workflows/runs/{run.id}/steps/charge").json()
        assert whole["result"] == large
        assert {**whole, "result": None} == step
        assert viewer.get(f"/workflows/runs/{run.id}/steps/nope").status_code == 404

    def test_results_in_all_are_bounded(self, viewer: APIClient) -> None:
        tasks = [{"key": f"s{number:02}", "type": "noop"} for number in range(20)]
        run = make_run(make_workflow(tasks=tasks))
        for task in tasks:
            end_step(run.id, task["key"], result="x" * 60_000, result_bytes=60_002)
        steps = viewer.get(f"/workflows/runs/{run.id}").json()["steps"]
        assert [step["result"] is not None for step in steps] == [True] * 17 + [False] * 3

    def test_many_steps_come_in_parts(
        self, viewer: APIClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(run_view, "MAX_STEPS_SHOWN", 2)
        tasks = [{"key": key, "type": "noop"} for key in "abcde"]
        run = make_run(make_workflow(tasks=tasks))
        path, keys, after = f"/workflows/runs/{run.id}", "", None
        while True:
            found = viewer.get(path, {"stepsAfter": after} if after else {}).json()
            assert found["stepsTotal"] == 5
            keys += "".join(step["key"] for step in found["steps"])
            after = found["nextStepsAfter"]
            if after is None:
                break
        assert keys == "abcde"
        answer = viewer.get(path, {"stepsAfter": "zz"})
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"] == "stepsAfter"

    def test_of_nothing(self, viewer: APIClient) -> None:
        assert viewer.get(f"/workflows/runs/{NOBODY}").status_code == 404


class TestChange:
    """Cancel, retry, rerun."""

    def test_cancel(self, operator: APIClient) -> None:
        run = make_run()
        answer = operator.post(f"/workflows/runs/{run.id}/cancel")
        assert answer.status_code == 200, answer.json()
        assert answer.json()["cancelRequested"] is True
        assert answer.json()["status"] == "CANCELLED"
        assert Task.objects.get(step_key="charge").state == "CANCELLED"
        steps = {step["key"]: step for step in answer.json()["steps"]}
        assert steps["ship"]["status"] == "CANCELLED"
        assert steps["ship"]["reason"]["code"] == "RUN_CANCELLED"
        assert operator.post(f"/workflows/runs/{run.id}/cancel").status_code == 409
        assert operator.post(f"/workflows/runs/{NOBODY}/cancel").status_code == 404

    def test_retry(self, operator: APIClient) -> None:
        run = make_run()
        path = f"/workflows/runs/{run.id}/retry"
        assert operator.post(path).status_code == 409
        operator.post(f"/workflows/runs/{run.id}/cancel")
        answer = operator.post(path)
        assert answer.status_code == 200, answer.json()
        assert (answer.json()["status"], answer.json()["cancelRequested"]) == ("RUNNING", False)
        assert answer.json()["steps"][0]["tasksEnded"] == 0
        assert operator.post(f"/workflows/runs/{NOBODY}/retry").status_code == 404

    @pytest.mark.parametrize(
        ("sent", "expected"), [({}, {"a": 1}), ({"input": {"b": 2}}, {"b": 2})]
    )
    def test_rerun(self, operator: APIClient, sent: Any, expected: Any) -> None:
        run = make_run(value={"a": 1})
        path = f"/workflows/runs/{run.id}/rerun"
        answer = operator.post(path, sent, format="json", headers={"Idempotency-Key": "k"})
        assert answer.status_code == 202, answer.json()
        again = operator.post(path, sent, format="json", headers={"Idempotency-Key": "k"})
        assert (again.status_code, again.json()["runId"]) == (200, answer.json()["runId"])
        new = operator.get(f"/workflows/runs/{answer.json()['runId']}").json()
        assert (new["input"], new["rerunOf"]) == (expected, str(run.id))
        other = {"input": None} if sent == {} else {}
        conflict = operator.post(path, other, format="json", headers={"Idempotency-Key": "k"})
        assert conflict.status_code == 409, "null is an input, and left out is that of the run"
        assert operator.post(path, {"inptu": 1}, format="json").status_code == 422
        assert operator.post(f"/workflows/runs/{NOBODY}/rerun", {}).status_code == 404


class TestDecide:
    """Approve and reject."""

    def test_approve(self, operator: APIClient) -> None:
        run = make_run(make_workflow(tasks=APPROVAL))
        path = f"/workflows/runs/{run.id}/steps/look"
        waiting = operator.get(path).json()
        assert (waiting["status"], waiting["kind"]) == ("WAITING", "approval")
        answer = operator.post(f"{path}/approve", {"comment": "fine"}, format="json")
        assert answer.status_code == 200, answer.json()
        look, send = answer.json()["steps"]
        assert (look["status"], look["decidedBy"][:6]) == ("COMPLETED", "a test")
        assert look["result"]["comment"] == "fine"
        assert send["status"] == "RUNNING"
        assert operator.post(f"{path}/approve").status_code == 409
        assert operator.post(f"{path}/reject").status_code == 409

    def test_reject(self, operator: APIClient) -> None:
        run = make_run(make_workflow(tasks=APPROVAL))
        answer = operator.post(f"/workflows/runs/{run.id}/steps/look/reject", {}, format="json")
        assert answer.status_code == 200, answer.json()
        assert answer.json()["status"] == "FAILED"
        assert answer.json()["steps"][0]["status"] == "FAILED"

    def test_wrong_ones(self, operator: APIClient) -> None:
        run = make_run(make_workflow(tasks=APPROVAL))
        path = f"/workflows/runs/{run.id}/steps"
        assert operator.post(f"{path}/nope/approve").status_code == 404
        assert operator.post(f"{path}/send/approve").status_code == 409
        for sent in ({"comment": 7}, {"comments": ""}, {"comment": "x" * 2_001}):
            assert operator.post(f"{path}/look/approve", sent, format="json").status_code == 422
        assert RunStep.objects.get(key="look").state == "WAITING"


def test_an_own_workflow_does_not_open_foreign_runs(other: Workspace, client: APIClient) -> None:
    theirs = make_run(make_workflow("theirs", APPROVAL, workspace=other))
    mine = make_workflow("mine")
    answer = client.post(
        f"/workflows/{mine.id}/execute", {"input": {}, "rerunOf": str(theirs.id)}, format="json"
    )
    assert answer.status_code in (404, 422)
    assert client.get(f"/workflows/runs?workflowId={theirs.workflow_id}").json()["total"] == 0
    assert WorkflowRun.objects.count() == 1
