"""One form of a name at every door: the API, commands, the admin, and what code declares."""

from collections.abc import Iterator
from typing import Any

import pytest
from rest_framework.test import APIClient

from controlplane.ops.schedules.models import Schedule
from controlplane.ops.stress.control import start_test
from controlplane.ops.stress.spec import make_spec
from controlplane.workspaces.actors import SYSTEM
from controlplane.workspaces.services import create_workspace
from tasks_app.services.queues import forget_lanes
from tests.clients import default_workspace, key_client
from tests.integration.commands.running import run

pytestmark = pytest.mark.django_db
NFD, NFC = "Cafe\u0301 run", "Caf\u00e9 run"
JOB = {"schedule": "0 2 * * *", "taskType": "noop"}
FLOW = {"tasks": [{"key": "a", "type": "noop"}]}
KEY = {"role": "viewer"}
UNIQUE = [("/cron/jobs", JOB), ("/workflows", FLOW)]
NAMED = [*UNIQUE, ("/api-keys", KEY)]
SAME = [NFD, f"{NFC} ", "Caf\u00e9  run", "Caf\u00e9\u00a0run", "Caf\u00e9\ufe0f run"]


@pytest.fixture
def client(db: None) -> Iterator[APIClient]:
    forget_lanes()
    yield key_client("admin")
    forget_lanes()


@pytest.mark.parametrize(("url", "body"), NAMED)
@pytest.mark.parametrize("name", SAME)
def test_a_name_is_kept_in_one_form(
    client: APIClient, url: str, body: dict[str, Any], name: str
) -> None:
    made = client.post(url, {**body, "name": name})
    assert made.status_code == 201, made.content
    assert made.json()["name"] == NFC


@pytest.mark.parametrize(("url", "body"), UNIQUE)
@pytest.mark.parametrize("name", SAME)
def test_names_that_look_alike_are_one_name(
    client: APIClient, url: str, body: dict[str, Any], name: str
) -> None:
    first = client.post(url, {**body, "name": NFC}).json()["id"]
    other = client.post(url, {**body, "name": "other"}).json()["id"]
    assert client.post(url, {**body, "name": name}).status_code == 409
    change = client.patch if url == "/cron/jobs" else client.put
    assert change(f"{url}/{other}", {**body, "name": name}).status_code == 409
    assert change(f"{url}/{first}", {**body, "name": name}).json()["name"] == NFC


@pytest.mark.parametrize(("url", "body"), NAMED)
@pytest.mark.parametrize("name", ["a\u200bb", "\u202ea", "a\u00adb", "\u3164", "a\x1bb", "\u2800"])
def test_a_character_that_is_not_shown_is_refused(
    client: APIClient, url: str, body: dict[str, Any], name: str
) -> None:
    answer = client.post(url, {**body, "name": name})
    assert answer.status_code == 422, answer.content
    (error,) = answer.json()["errors"]
    assert error["field"] == "name"
    assert "which is not shown: remove it" in error["message"]


def test_a_workspace_and_a_stress_test_have_such_names_too() -> None:
    assert create_workspace(slug="w", name=f" {NFD}", actor=SYSTEM).name == NFC
    workspace_id = default_workspace().id
    spec = make_spec(tasks=1, name=NFD)
    test = start_test(workspace_id=workspace_id, spec=spec, actor=SYSTEM)
    assert test.name == NFC


def test_commands_find_any_spelling() -> None:
    assert run("cron", "create", f"{NFD} ", "@daily", "--type=noop").code == 0
    assert Schedule.objects.get().name == NFC
    assert run("cron", "create", NFC, "@daily", "--type=noop").code == 1
    assert run("cron", "show", NFD, "--json").json["name"] == NFC
    assert run("cron", "create", "a\u200bb", "@daily", "--type=noop").code == 1


def test_tags_are_kept_and_found_in_one_form(client: APIClient) -> None:
    body = {"type": "noop", "tags": [NFD, NFC, f" {NFC}"]}
    made = client.post("/tasks", body)
    assert made.status_code == 201, made.content
    assert made.json()["tags"] == [NFC]
    for tag in (NFC, NFD, f"{NFC} "):
        assert client.get("/tasks", {"tag": tag}).json()["total"] == 1
    changed = client.patch(f"/tasks/{made.json()['id']}", {"tags": [NFD]})
    assert changed.json()["tags"] == [NFC]


def test_a_tag_that_is_not_shown_is_refused(client: APIClient) -> None:
    answer = client.post("/tasks", {"type": "noop", "tags": ["good", "a\u200bb"]})
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert error["field"] == "tags"
    assert error["message"].startswith("Tag 2: Character 2 is U+200B")
    step = {"key": "a", "type": "noop", "tags": ["a\u200bb"]}
    answer = client.post("/workflows", {"name": "x", "tasks": [step]})
    assert [error["field"] for error in answer.json()["errors"]] == ["tasks[0].tags"]


def test_a_search_finds_any_spelling(client: APIClient) -> None:
    for url, body in UNIQUE:
        client.post(url, {**body, "name": NFC})
        assert client.get(url, {"search": "Cafe\u0301"}).json()["total"] == 1
