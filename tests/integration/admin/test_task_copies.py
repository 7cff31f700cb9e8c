"""What a copy of a task takes over: by Clone, by Edit and retry, and as a call by curl."""

import json
import shlex
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.test.utils import override_script_prefix

import tests.handlers  # noqa: F401 - registers the test types
from controlplane.core.clock import now, utc_z
from tasks_app.admin import curl
from tasks_app.admin.taskcopy import list_own_options
from tasks_app.models import Task, TaskDependency
from tasks_app.schema.submission import TaskIn
from tests.clients import key_client
from tests.factories import make_task
from tests.integration.admin.taskpages import SUBMIT, page_of, texts_of

pytestmark = pytest.mark.django_db

POLICY = {"strategy": "linear", "baseMs": 1_500, "factor": 3.0, "maxMs": 60_000, "jitter": 0.25}
COPIED = (
    "type", "name", "payload", "priority", "max_attempts", "round_attempts", "timeout_ms", "tags",
    "retry", "on_parent_failure", "workspace_id", "queue_id",
)  # fmt: skip


def make_special_task(state: str = "FAILED", **fields: Any) -> Task:
    """A task that was submitted with a value of its own for all that a type decides."""
    values: dict[str, Any] = {
        "type": "test-echo", "name": "Charge order 17", "queue": "billing", "priority": 3,
        "tags": ["red", "a, b"], "max_attempts": 1, "round_attempts": 1, "timeout_ms": 90_500,
        "retry": POLICY, "on_parent_failure": "run", "idempotency_key": "once",
        "payload": {"order": 17}, **fields,
    }  # fmt: skip
    return make_task(state, **values)


def values_of(task: Task) -> dict[str, Any]:
    return {name: getattr(task, name) for name in COPIED}


def read_call(client: Client, task: Task) -> tuple[str, dict[str, Any]]:
    """The address and the body of the call that the page of a task shows."""
    command = client.get(page_of(task)).context["curl"].replace(" \\\n", " ")
    words = shlex.split(command)
    return words[3], json.loads(words[-1])


def test_no_field_of_a_submission_is_forgotten() -> None:
    """What a copy does not take over is named here."""
    fields = {info.alias or name for name, info in TaskIn.model_fields.items()}
    special = make_special_task("SCHEDULED")
    copied = {"type", "payload", "dependsOn", *list_own_options(special)}
    assert fields - copied == {"delay", "idempotencyKey"}


@pytest.mark.parametrize("verb", ["clone", "edit"])
def test_a_copy_is_submitted_with_what_its_task_had(root: Client, verb: str) -> None:
    parent = make_task("COMPLETED")
    task = make_special_task(parents=[parent])
    query = f"?{verb}={task.id}"
    assert root.post(SUBMIT + query, texts_of(root, query)).status_code == 302
    copy = Task.objects.exclude(id__in=[task.id, parent.id]).get()
    assert values_of(copy) == values_of(task)
    assert list(TaskDependency.objects.filter(task=copy).values_list("depends_on_id")) == [
        (parent.id,)
    ]
    assert (copy.idempotency_key, copy.run_at, copy.state) == (None, None, "PENDING")
    assert copy.reprocess_of == (task.id if verb == "edit" else None)


@pytest.mark.parametrize("verb", ["clone", "edit"])
def test_what_the_type_decided_is_left_to_the_type(root: Client, verb: str) -> None:
    task = make_task("FAILED", type="test-echo", name="test-echo")
    query = f"?{verb}={task.id}"
    assert list_own_options(task) == {}
    assert root.post(SUBMIT + query, texts_of(root, query)).status_code == 302
    copy = Task.objects.exclude(id=task.id).get()
    assert (copy.retry, copy.max_attempts, copy.timeout_ms) == (None, 3, 60_000)


def test_the_form_shows_the_retry_policy(root: Client) -> None:
    """Unfolded, if the task has its own; that of the type is named beside the choice."""
    cases: list[tuple[dict[str, Any], int]] = [({"retry": POLICY}, 1), ({}, 0)]
    for fields, folds in cases:
        task = make_task("FAILED", type="test-echo", name="test-echo", **fields)
        answer = root.get(SUBMIT, {"edit": str(task.id)})
        page = answer.content.decode()
        assert page.count('<details class="fold" open>') == folds
        assert page.count('<details class="fold">') == 2 - folds
        assert "Default: the policy of its type (fixed from" in page
    page = root.get(SUBMIT, {"type": "test-own-rule"}).content.decode()
    assert "Default: the policy of its type (by tests.handlers." in page


def test_a_policy_has_a_strategy_and_a_wait_below_its_maximum(root: Client) -> None:
    sent = {"mode": "json", "payload": "{}"}
    for fields, wrong in (
        ({"retry_factor": "3"}, "retry_strategy"),
        ({"retry_strategy": "linear", "retry_base": "10", "retry_max": "9.999"}, "retry_base"),
        ({"retry_strategy": "linear", "retry_base": "0.0001"}, "retry_base"),
        ({"retry_strategy": "linear", "retry_jitter": "2"}, "retry_jitter"),
        ({"depends_on": "neither an id"}, "depends_on"),
        ({"depends_on": "018f6f2e-0000-7000-8000-000000000000"}, "depends_on"),
    ):
        answer = root.post(f"{SUBMIT}?type=test-echo", {**sent, **fields})
        assert set(answer.context["form"].options.errors) == {wrong}, fields
        assert '<details class="fold" open>' in answer.content.decode()
    assert not Task.objects.exists()
    root.post(f"{SUBMIT}?type=test-echo", {**sent, "retry_strategy": "fixed", "retry_base": "2.5"})
    assert Task.objects.get().retry == {
        "strategy": "fixed", "baseMs": 2_500, "factor": 2.0, "maxMs": 3_600_000, "jitter": 0.1,
    }  # fmt: skip


def test_tags_with_commas_are_written_in_quotes(root: Client) -> None:
    sent = {"mode": "json", "payload": "{}", "tags": 'one,  "red, green" ,two'}
    root.post(f"{SUBMIT}?type=test-echo", sent)
    assert Task.objects.get().tags == ["one", "red, green", "two"]


def test_a_time_that_is_still_to_come_is_copied(root: Client) -> None:
    later = now() + timedelta(hours=2)
    early = make_task("SCHEDULED", type="test-echo", run_at=later)
    assert texts_of(root, f"?clone={early.id}")["start"] == utc_z(later)
    assert read_call(root, early)[1]["runAt"] == utc_z(later)
    backing_off = make_task("RETRYING", type="test-echo", run_at=later)
    over = make_task("COMPLETED", type="test-echo", run_at=now() - timedelta(hours=2))
    for task in (backing_off, over):
        assert "start" not in texts_of(root, f"?clone={task.id}")
        assert "runAt" not in read_call(root, task)[1]


class TestParents:
    """What a copy waits for."""

    def test_work_that_was_done_again_replaces_a_failed_parent(self, root: Client) -> None:
        failed = make_task("FAILED")
        repeat = make_task("COMPLETED", reprocess_of=failed.id)
        done = make_task("COMPLETED")
        make_task("COMPLETED", reprocess_of=done.id)
        task = make_task("CANCELLED", type="test-echo", parents=[failed, done])
        sent = texts_of(root, f"?edit={task.id}")
        assert set(sent["depends_on"].split()) == {str(repeat.id), str(done.id)}

    def test_a_copy_that_would_be_cancelled_at_once_is_refused(self, root: Client) -> None:
        failed = make_task("FAILED")
        task = make_task("CANCELLED", type="test-echo", parents=[failed])
        query = f"?edit={task.id}"
        sent = texts_of(root, query)
        form = root.post(SUBMIT + query, sent).context["form"]
        assert f"{failed.id} did not complete" in str(form.options.errors["depends_on"])
        assert Task.objects.count() == 2
        assert root.post(SUBMIT + query, {**sent, "depends_on": ""}).status_code == 302
        assert root.post(SUBMIT + query, {**sent, "on_parent_failure": "run"}).status_code == 302
        assert list(Task.objects.order_by("id").values_list("state", flat=True)[2:]) == [
            "PENDING", "PENDING",
        ]  # fmt: skip


class TestCurl:
    """The call that submits a task once more."""

    def test_the_call_submits_the_same(self, root: Client) -> None:
        parent = make_task("COMPLETED")
        task = make_special_task(parents=[parent])
        address, body = read_call(root, task)
        assert address == "http://testserver/tasks"
        assert (body["maxAttempts"], body["retry"]) == (1, POLICY)
        assert "idempotencyKey" not in body
        answer = key_client().post("/tasks", body)
        assert answer.status_code == 201, answer.json()
        copy = Task.objects.get(id=answer.json()["id"])
        assert values_of(copy) == values_of(task)
        assert [str(parent.id)] == answer.json()["dependsOn"]

    def test_defaults_are_left_out(self, root: Client) -> None:
        task = make_task(type="test-echo", name="test-echo")
        assert read_call(root, task)[1] == {"type": "test-echo", "payload": {}}

    def test_everything_is_named_for_a_type_that_this_release_does_not_have(
        self, root: Client
    ) -> None:
        task = make_task(type="gone", name="gone")
        assert read_call(root, task)[1] == {
            "type": "gone",
            "queue": "default",
            "maxAttempts": 3,
            "timeoutSeconds": 60.0,
            "payload": {},
        }

    def test_more_parents_than_the_page_shows(self, monkeypatch: pytest.MonkeyPatch) -> None:
        parents = [make_task("COMPLETED") for _ in range(3)]
        task = make_task(type="test-echo", parents=parents)
        shown = {"payload": {}, "dependencies": [{"id": parents[0].id}], "dependenciesTotal": 3}
        monkeypatch.setattr(curl, "make_address", lambda request, path: f"/{path}")
        words = shlex.split(curl.make_curl(None, task, shown).replace(" \\\n", " "))  # type: ignore[arg-type] # not read
        assert set(json.loads(words[-1])["dependsOn"]) == {str(parent.id) for parent in parents}

    def test_the_address_has_the_path_prefix(self, root: Client) -> None:
        task = make_task()
        with override_script_prefix("/task/plane/"):
            assert read_call(root, task)[0] == "http://testserver/task/plane/tasks"
