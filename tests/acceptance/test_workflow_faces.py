"""Workflows from outside, with real components: at the command line and over HTTP."""

import httpx

from controlplane.workspaces.actors import SYSTEM
from controlplane.workspaces.services import create_api_key
from controlplane.workspaces.states import Role
from tests.clients import default_workspace
from tests.factories import make_workflow
from tests.integration.commands.running import run
from tests.standing import StandingEngine

TASKS = [
    {"key": "each", "type": "sleep", "forEach": "input.waits", "payload": {"ms": "{{ item }}"}},
    {
        "key": "last",
        "type": "flaky",
        "dependsOn": ["each"],
        "payload": {"failureRate": "{{ input.rate }}", "ms": 1},
        "maxAttempts": 1,
    },
]


def test_a_run_is_waited_for_and_its_end_is_the_exit_code(running: StandingEngine) -> None:
    make_workflow(tasks=TASKS)
    arguments = ("workflows", "execute", "Order", "--wait", "--wait-timeout=30")
    good = run(*arguments, '--input={"waits": [1, 2, 3], "rate": 0.0}', "--json")
    assert good.code == 0, good.err
    each, last = good.json["steps"]
    assert (each["tasksEnded"], last["status"], good.json["progress"]) == (3, "COMPLETED", 100)
    bad = run(*arguments, '--input={"waits": [], "rate": 1.0}')
    assert (bad.code, "The run is FAILED." in bad.err) == (1, True)
    assert "failed, as requested" in bad.out


def test_a_decision_over_http_lets_a_run_go_on(running: StandingEngine) -> None:
    created = create_api_key(
        workspace=default_workspace(), name="a test", role=Role.OPERATOR, actor=SYSTEM
    )
    headers = {"Authorization": f"Bearer {created.secret}"}
    with httpx.Client(base_url=running.app(), headers=headers) as http:
        tasks = [
            {"key": "look", "type": "approval", "payload": {"message": "Go on?"}},
            {"key": "go", "type": "noop", "dependsOn": ["look"]},
        ]
        made = http.post("/workflows", json={"name": "Gate", "tasks": tasks})
        assert made.status_code == 201, made.text
        started = http.post(f"/workflows/{made.json()['id']}/execute", json={})
        path = f"/workflows/runs/{started.json()['runId']}"
        assert http.get(path).json()["steps"][0]["status"] == "WAITING"
        answer = http.post(f"{path}/steps/look/approve", json={"comment": "yes"})
        assert answer.status_code == 200, answer.text
        done = running.wait(
            lambda: (body := http.get(path).json())["status"] != "RUNNING" and body,
            "the end of the run",
        )
    assert (done["status"], done["progress"]) == ("COMPLETED", 100)
    assert done["steps"][0]["result"]["comment"] == "yes"
