"""A task that a person submits by a form: new, as a copy, or the work of an ended one again."""

from functools import partial
from typing import Any

import pytest
from django.test import Client

import tests.handlers  # noqa: F401 - registers the test types
from controlplane.core.jsonb import is_same_json
from controlplane.workspaces.models import AuditEvent, Workspace
from dlq.models import DeadLetter
from tasks_app.models import Task
from tests.clients import staff_client
from tests.factories import make_letter, make_task
from tests.integration.admin.taskpages import SUBMIT, texts_of

pytestmark = pytest.mark.django_db
login = partial(staff_client, apps=["tasks_app"])


def names_of(client: Client, query: str) -> dict[str, str]:
    """The names of the form's inputs by the path of their values."""
    parts = client.get(SUBMIT + query).context["form"].layout.inputs
    return {each.label: each.name for each in parts}


def test_the_types_that_people_may_submit(root: Client) -> None:
    page = root.get(SUBMIT).content.decode()
    assert "http-request" in page
    assert "workflow-join" not in page
    for name in ("nonsense", "workflow-join"):
        assert "There is no task type" in root.get(SUBMIT, {"type": name}).content.decode()


def test_a_new_task(root: Client) -> None:
    query = "?type=http-request"
    names = names_of(root, query)
    data = {
        "mode": "form",
        names["url"]: "https://example.org/",
        names["timeoutMs"]: "500",
        names["followRedirects"]: "0",
        names["headers"]: '{"accept": "text/plain"}',
        "name": "by hand",
        "priority": "7",
        "start": "2h",
        "tags": "one, Two,one",
        "max_attempts": "2",
    }
    answer = root.post(SUBMIT + query, data)
    task = Task.objects.get()
    assert answer.headers["Location"] == f"/admin/tasks_app/task/{task.id}/change/"
    assert task.payload == {
        "url": "https://example.org/",
        "timeoutMs": 500,
        "followRedirects": True,
        "headers": {"accept": "text/plain"},
    }
    assert (task.name, task.priority, task.state) == ("by hand", 7, "SCHEDULED")
    assert (task.max_attempts, task.tags[0]) == (2, "one")


def test_errors_stand_beside_their_fields(root: Client) -> None:
    query = "?type=http-request"
    names = names_of(root, query)
    data = {
        "mode": "form",
        names["url"]: "no address",
        names["maxRedirects"]: "many",
        "queue": "not a queue!",
        "start": "soon",
    }
    form = root.post(SUBMIT + query, data).context["form"]
    assert set(form.errors) == {names["maxRedirects"]}
    assert set(form.options.errors) == {"start"}
    data |= {names["maxRedirects"]: "99", "start": ""}
    form = root.post(SUBMIT + query, data).context["form"]
    assert set(form.errors) == {names["url"], names["maxRedirects"]}
    data |= {names["maxRedirects"]: "5", names["url"]: "https://example.org/"}
    form = root.post(SUBMIT + query, data).context["form"]
    assert set(form.options.errors) == {"queue"}
    assert not Task.objects.exists()
    form = root.post(SUBMIT + query, {"mode": "json", "payload": "[1"}).context["form"]
    assert list(form.errors) == ["payload"]
    assert not Task.objects.exists()


PAYLOADS: list[dict[str, Any]] = [
    {},
    {"n": 9_223_372_036_854_775_807, "f": 1.0, "i": 1, "none": None},
    {"text": "a\r\nb\n\u202e<script>", "": [[], {}], "deep": {"a": {"b": [1, "x"]}}},
]


@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_clone_has_exactly_the_same_payload(root: Client, payload: dict[str, Any]) -> None:
    task = make_task("COMPLETED", type="test-echo", payload=payload, tags=["red"], priority=3)
    query = f"?clone={task.id}"
    root.post(SUBMIT + query, texts_of(root, query))
    copy = Task.objects.exclude(id=task.id).get()
    assert is_same_json(copy.payload, payload)
    assert (copy.tags, copy.priority, copy.reprocess_of) == (["red"], 3, None)


def test_a_payload_that_the_form_would_change_is_shown_as_json(root: Client) -> None:
    for payload, is_json in (
        ({"url": "https://example.org/"}, False),
        ({"url": "https://example.org/", "body": ""}, True),
        ({"url": "https://example.org/", "expectedStatuses": [200, "3xx"]}, False),
        ({"url": "https://example.org/", "unknown": 1}, True),
        ({"url": "https://example.org/", "json": None}, True),
    ):
        task = make_task("COMPLETED", type="http-request", payload=payload)
        form = root.get(SUBMIT, {"clone": str(task.id)}).context["form"]
        assert form.is_json is is_json, payload


def test_edit_and_retry_does_the_work_again_and_closes_the_letter(root: Client) -> None:
    letter = make_letter(payload={"order": 17})
    task = Task.objects.get()
    query = f"?edit={task.id}"
    page = root.get(SUBMIT + query).content.decode()
    assert "its open dead letter counts as reprocessed" in page
    data = {**texts_of(root, query), "mode": "json", "payload": '{"order": 18}'}
    answer = root.post(SUBMIT + query, data, follow=True)
    assert "this task does the work again" in answer.content.decode()
    repeat = Task.objects.exclude(id=task.id).get()
    assert (repeat.payload, repeat.reprocess_of) == ({"order": 18}, task.id)
    letter.refresh_from_db()
    assert (letter.status, letter.reprocessed_task_id) == ("REPROCESSED", repeat.id)
    assert DeadLetter.objects.count() == 1
    event = AuditEvent.objects.get(action="task.repeat")
    assert (event.target_id, event.detail) == (str(task.id), {"newTask": str(repeat.id)})


def test_what_may_not_be_repeated_says_why(root: Client) -> None:
    waits = make_task(type="test-echo")
    step = make_task(
        "FAILED", type="test-echo", workflow_run_id="018f6f2e-1111-7000-8000-000000000000"
    )
    for task, reason in ((waits, "Only the work of an ended task"), (step, "a step of a workflow")):
        query = f"?edit={task.id}"
        answer = root.post(SUBMIT + query, texts_of(root, query))
        assert reason in answer.content.decode()
    assert Task.objects.count() == 2


def test_an_idempotency_key_is_no_second_task(root: Client) -> None:
    data = {"mode": "json", "payload": "{}", "idempotency_key": "once"}
    root.post(f"{SUBMIT}?type=noop", data, follow=True)
    page = root.post(f"{SUBMIT}?type=noop", data, follow=True).content.decode()
    assert "Nothing was submitted" in page
    assert '<span class="success">' not in page
    assert Task.objects.count() == 1


class TestWhoMaySubmit:
    """Operators, in their workspaces."""

    def test_a_viewer_may_not(self) -> None:
        task = make_task("FAILED")
        client = login("eve", "viewer")
        for query in ("?type=noop", f"?clone={task.id}", f"?edit={task.id}"):
            assert client.get(SUBMIT + query).status_code == 403
            assert client.post(SUBMIT + query, {"mode": "json"}).status_code == 403
        assert Task.objects.count() == 1

    def test_an_operator_submits_in_the_own_workspace_only(self, other: Workspace) -> None:
        client = login("op", "operator")
        data = {"mode": "json", "payload": "{}"}
        answer = client.post(f"{SUBMIT}?type=noop", {**data, "workspace": "other"})
        assert answer.status_code == 403
        assert client.post(f"{SUBMIT}?type=noop", data).status_code == 302
        assert [task.workspace.slug for task in Task.objects.all()] == ["default"]

    def test_a_superuser_chooses_the_workspace(self, root: Client, other: Workspace) -> None:
        data = {"mode": "json", "payload": "{}", "workspace": "other"}
        root.post(f"{SUBMIT}?type=noop", data)
        assert Task.objects.get().workspace == other
