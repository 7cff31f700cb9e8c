"""Sub-workflows are known when a definition is stored, and stay."""

from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from rest_framework.test import APIClient

from controlplane.workspaces.models import Workspace
from tests.clients import key_client, other_workspace
from workflows.models import Workflow

pytestmark = pytest.mark.django_db
URL = "/workflows"


@pytest.fixture
def client(db: None) -> APIClient:
    return key_client("operator")


def body(name: str, *runs: str) -> dict[str, Any]:
    """A workflow whose steps run these, one each."""
    steps = [
        {"key": f"s{number}", "type": "workflow", "payload": {"workflow": other}}
        for number, other in enumerate(runs)
    ]
    return {"name": name, "tasks": steps or [{"key": "a", "type": "noop"}]}


def store(client: APIClient, name: str, *runs: str) -> str:
    answer = client.post(URL, body(name, *runs))
    assert answer.status_code == 201, answer.content
    return str(answer.json()["id"])


def errors_of(answer: Any) -> dict[str, str]:
    assert answer.status_code == 422, answer.content
    return {error["field"]: error["message"] for error in answer.json()["errors"]}


def test_an_unknown_sub_workflow_is_an_error_of_its_step(client: APIClient) -> None:
    store(client, "ship")
    expected = {
        "tasks[1].payload.workflow": "Step 's1': There is no workflow 'shipp'. "
        "Did you mean 'ship'?",
        "tasks[2].payload.workflow": "Step 's2': There is no workflow "
        "'018f6f2e-0000-7000-8000-000000000000'.",
    }
    wrong = body("order", "ship", "shipp", "018f6f2e-0000-7000-8000-000000000000")
    assert errors_of(client.post(URL, wrong)) == expected
    assert errors_of(client.post(f"{URL}/validate", wrong)) == expected
    order = store(client, "order", "ship")
    assert errors_of(client.put(f"{URL}/{order}", wrong)) == expected
    assert client.get(f"{URL}/{order}").json()["version"] == 1


def test_a_workflow_cannot_run_itself(client: APIClient) -> None:
    expected = {"tasks[0].payload.workflow": "Step 's0': A workflow cannot run itself."}
    assert errors_of(client.post(URL, body("loop", "loop"))) == expected
    assert errors_of(client.post(f"{URL}/validate", body("loop", "loop"))) == expected
    loop = store(client, "loop")
    for name in ("loop", loop, "Loop"):
        answer = client.put(f"{URL}/{loop}", body("Loop" if name == "Loop" else "loop", name))
        assert errors_of(answer) == expected


def test_workflows_cannot_run_each_other(client: APIClient) -> None:
    first = store(client, "a")
    store(client, "b", first)
    store(client, "c", "b")
    found = errors_of(client.put(f"{URL}/{first}", body("a", "c")))
    assert found == {
        "tasks[0].payload.workflow": "Step 's0': These workflows would run each other: "
        "a → c → b → a."
    }
    assert errors_of(client.post(f"{URL}/validate", body("a", "b")))


def test_only_the_newest_version_counts(client: APIClient) -> None:
    first = store(client, "a")
    second = store(client, "b", "a")
    assert client.put(f"{URL}/{second}", body("b")).status_code == 200
    assert client.put(f"{URL}/{first}", body("a", "b")).status_code == 200


def test_runs_cannot_be_nested_too_deep(client: APIClient) -> None:
    store(client, "w0")
    for number in range(1, 6):
        store(client, f"w{number}", f"w{number - 1}")
    too_deep = {
        "tasks[0].payload.workflow": "Step 's0': At most 5 runs may be nested; this definition "
        "would exceed that."
    }
    assert errors_of(client.post(URL, body("w6", "w5"))) == too_deep
    bottom = client.get(URL, {"search": "w0"}).json()["data"][0]["id"]
    store(client, "deeper")
    assert errors_of(client.put(f"{URL}/{bottom}", body("w0", "deeper"))) == too_deep


def test_a_name_that_a_run_works_out_is_left_to_the_run(client: APIClient) -> None:
    store(client, "a", "{{ input.name }}")
    store(client, "b", "{{ 'b' }}")


def test_a_workflow_that_others_run_stays(client: APIClient) -> None:
    ship = store(client, "ship")
    by_name, by_id = store(client, "order", "ship"), store(client, "gift", ship)
    refused = client.delete(f"{URL}/{ship}")
    assert refused.status_code == 409
    assert refused.json()["detail"] == (
        "The workflow 'ship' cannot be deleted: it is run by 'gift', 'order'. Change their steps "
        "first."
    )
    assert client.delete(f"{URL}/{by_name}").status_code == 204
    assert client.put(f"{URL}/{by_id}", body("gift")).status_code == 200
    assert client.delete(f"{URL}/{ship}").status_code == 204


def test_a_name_that_others_use_stays(client: APIClient) -> None:
    ship = store(client, "ship")
    order = store(client, "order", "ship")
    refused = client.put(f"{URL}/{ship}", body("send"))
    assert refused.status_code == 409
    assert "cannot be renamed: it is run by 'order'" in refused.json()["detail"]
    assert client.put(f"{URL}/{order}", body("order", ship)).status_code == 200
    assert client.put(f"{URL}/{ship}", body("send")).status_code == 200


def test_other_workspaces_do_not_matter(client: APIClient) -> None:
    other: Workspace = other_workspace()
    stranger = key_client("operator", workspace=other)
    ship = store(stranger, "ship")
    for name in ("ship", ship):
        assert "There is no workflow" in str(errors_of(client.post(URL, body("order", name))))
    store(client, "ship")
    store(client, "order", "ship")
    assert stranger.delete(f"{URL}/{ship}").status_code == 204


def test_workflows_of_an_earlier_version_are_read_once(client: APIClient) -> None:
    ship = store(client, "ship")
    for name, runs in (("order", ["ship", "{{ input.x }}"]), ("gift", [ship])):
        store(client, name, *runs)
    Workflow.objects.update(sub_workflows=[])
    import_module("workflows.migrations.0002_sub_workflows").fill(apps, None)
    found = dict(Workflow.objects.values_list("name", "sub_workflows"))
    assert found == {"ship": [], "order": ["ship"], "gift": [ship]}
