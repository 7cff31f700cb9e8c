"""Every door that takes a payload or an input refuses the JSON that cannot be kept, and takes the
rest of it up to the same depth."""

import json
from dataclasses import dataclass

import pytest
from rest_framework.test import APIClient

import tests.handlers  # noqa: F401 - registers test-echo
from controlplane.core.errors import Invalid
from controlplane.ops.schedules.models import Schedule
from dlq.models import DeadLetter, Replay
from tasks_app.models import Task
from tasks_app.services import submit_task
from tasks_app.specs import TaskSpec
from tests.clients import key_client
from tests.factories import make_letter, make_task
from tests.integration.commands.running import run
from tests.jsonvalues import is_same
from workflows.models import Workflow, WorkflowRun, WorkflowVersion

pytestmark = pytest.mark.django_db

REFUSED = {
    "2^63": ("9223372036854775808", "64 bits"),
    "-2^63-1": ("-9223372036854775809", "64 bits"),
    "10^30": (f"1{'0' * 30}", "64 bits"),
    "1e400": ("1e400", "double"),
    "-1e309": ("-1E+309", "double"),
    "400 digits and a fraction": (f"{'9' * 400}.5", "400 characters"),
    "NaN": ("NaN", "not a JSON number"),
    "Infinity": ("-Infinity", "not a JSON number"),
    "NUL": (r'"\u0000"', "U+0000"),
    "NUL in a key": (r'{"\u0000": 1}', "U+0000"),
    "a lone surrogate": (r'"\ud800"', "surrogate"),
    "a lone surrogate in a key": (r'{"\udfff": 1}', "surrogate"),
    "a key twice": ('{"a": 1, "a": 1}', "twice"),
    "33 levels": (f"{'[' * 32}{']' * 32}", "32 levels"),
    "a thousand levels": (f"{'[' * 1000}{']' * 1000}", "32 levels"),
    "too many digits in all": (f"[{','.join(['1e300'] * 1000)}]", "all their digits"),
}
DEEPEST = f"{'[' * 31}1e20{']' * 31}"  # in an object: 32 levels


@dataclass
class Door:
    method: str
    path: str
    body: str  # with %s for the payload


@pytest.fixture(scope="module")
def client(committed_rows: None) -> APIClient:
    return key_client("admin")


@pytest.fixture(scope="module")
def doors(client: APIClient) -> dict[str, Door]:
    task = make_task("SCHEDULED", type="test-echo")
    step = {"key": "a", "type": "test-echo", "payload": {}}
    flow = client.post("/workflows", {"name": "flow", "tasks": [step]}).json()["id"]
    other = client.post("/workflows", {"name": "other", "tasks": [step]}).json()["id"]
    job_body = {"name": "job", "schedule": "@daily", "taskType": "test-echo"}
    job = client.post("/cron/jobs", job_body).json()["id"]
    flow_body = {"name": "flow job", "schedule": "@daily", "workflowId": flow}
    flow_job = client.post("/cron/jobs", flow_body).json()["id"]
    letter, second = make_letter(type="test-echo"), make_letter(type="test-echo")
    new_flow = '{"name": "new", "tasks": [{"key": "a", "type": "test-echo", "payload": %s}]}'
    new_job = '{"name": "new job", "schedule": "@daily", "taskType": "test-echo", "payload": %s}'
    replay = f'{{"action": "reprocess", "ids": ["{second.id}"], "ratePerSecond": 1, "payload": %s}}'
    return {
        "POST /tasks": Door("POST", "/tasks", '{"type": "test-echo", "payload": %s}'),
        "POST /tasks/bulk": Door(
            "POST", "/tasks/bulk", '{"tasks": [{"type": "test-echo", "payload": %s}]}'
        ),
        "PATCH /tasks": Door("PATCH", f"/tasks/{task.id}", '{"payload": %s}'),
        "POST /workflows": Door("POST", "/workflows", new_flow),
        "PUT /workflows": Door("PUT", f"/workflows/{other}", new_flow.replace("new", "other")),
        "POST /workflows/execute": Door("POST", f"/workflows/{flow}/execute", '{"input": %s}'),
        "POST /cron/jobs": Door("POST", "/cron/jobs", new_job),
        "PATCH /cron/jobs": Door("PATCH", f"/cron/jobs/{job}", '{"payload": %s}'),
        "PATCH /cron/jobs of a workflow": Door(
            "PATCH", f"/cron/jobs/{flow_job}", '{"payload": %s}'
        ),
        "POST /dlq/reprocess": Door("POST", f"/dlq/tasks/{letter.id}/reprocess", '{"payload": %s}'),
        "POST /dlq/actions": Door("POST", "/dlq/actions", replay),
    }


def everything() -> list[object]:
    """What a refused call leaves alone."""
    return [
        list(Task.objects.order_by("id").values_list("id", "payload")),
        list(DeadLetter.objects.order_by("id").values_list("id", "status", "payload")),
        list(Schedule.objects.order_by("id").values_list("id", "payload")),
        Workflow.objects.count(),
        list(Workflow.objects.order_by("id").values_list("id", "version")),
        WorkflowRun.objects.count(),
    ]


@pytest.mark.parametrize(("text", "reason"), REFUSED.values(), ids=REFUSED.keys())
def test_every_door_refuses_what_cannot_be_kept(
    client: APIClient, doors: dict[str, Door], text: str, reason: str
) -> None:
    before = everything()
    for name, door in doors.items():
        body = door.body % f'{{"value": {text}}}'
        answer = client.generic(door.method, door.path, body, content_type="application/json")
        assert answer.status_code in (400, 413, 422), (name, answer.content)
        assert answer["Content-Type"] == "application/problem+json", name
        assert reason in answer.content.decode(), name
    assert everything() == before


@pytest.mark.parametrize(("text", "reason"), REFUSED.values(), ids=REFUSED.keys())
def test_every_command_refuses_what_cannot_be_kept(
    client: APIClient, doors: dict[str, Door], text: str, reason: str
) -> None:
    before = everything()
    letter = DeadLetter.objects.order_by("id")[0].id
    payload = f'{{"value": {text}}}'
    for arguments in [
        ["enqueue", "test-echo", f"--payload={payload}"],
        ["workflows", "execute", "flow", f"--input={payload}"],
        ["cron", "create", "by command", "@daily", "--type=test-echo", f"--payload={payload}"],
        ["dlq", "reprocess", str(letter), f"--payload={payload}"],
    ]:
        ran = run(*arguments)
        assert ran.code in (1, 2), (arguments, ran)
        assert reason in ran.err, arguments
    assert everything() == before


def test_every_door_takes_as_many_levels_as_a_payload_may_have(
    client: APIClient, doors: dict[str, Door]
) -> None:
    payload = f'{{"value": {DEEPEST}}}'
    for name, door in doors.items():
        answer = client.generic(
            door.method, door.path, door.body % payload, content_type="application/json"
        )
        assert 200 <= answer.status_code < 300, (name, answer.content)
    kept = [
        *Task.objects.values_list("payload", flat=True),
        *Schedule.objects.values_list("payload", flat=True),
        *Replay.objects.values_list("payload", flat=True),
        *WorkflowRun.objects.values_list("input", flat=True),
        *[each.definition["tasks"][0]["payload"] for each in WorkflowVersion.objects.all()],
    ]
    deep = [value for value in kept if "value" in value]
    assert len(deep) == len(doors)
    assert all(is_same(value, json.loads(payload)) for value in deep)


@pytest.mark.parametrize("key", [None, "a key"])
@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (2**63, "64 bits"),
        (1e400, "finite"),
        ("\ud800", "surrogate"),
        ({1: 2}, "key must be a string"),
    ],
)
def test_an_error_in_python_code_names_the_place(
    value: object, reason: str, key: str | None
) -> None:
    spec = TaskSpec(type="test-echo", payload={"a": [value]}, idempotency_key=key)
    with pytest.raises(Invalid) as refused:
        submit_task(spec=spec)
    (error,) = refused.value.errors
    assert error["field"].startswith("payload.a[0]")
    assert reason in error["message"].lower()
