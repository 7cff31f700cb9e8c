"""Who submitted a task: kept by every way in, shown, and a filter in which `me` is the caller."""

import csv
from io import StringIO
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from controlplane.core.ids import uuid7
from controlplane.ops.operations.models import OperationItem
from controlplane.ops.schedules.triggering import trigger_schedule
from controlplane.ops.stress.driver import _submit_next
from controlplane.workspaces.actors import SYSTEM, Actor, platform_submitter
from controlplane.workspaces.console import terminal_actor
from dlq.reprocess import reprocess_letter
from tasks_app.filters import TaskFilter
from tasks_app.models import Task
from tasks_app.queries import list_tasks
from tasks_app.services import accept_each, submit_task, submit_tasks
from tasks_app.specs import TaskSpec
from tests.clients import default_workspace, key_client, staff_client, user_client
from tests.factories import make_job, make_letter, make_run, make_stress_test, make_task
from tests.integration.commands.running import run
from tests.operations import drive_to_end, start

pytestmark = pytest.mark.django_db

ADA = Actor("user", "7", "ada", None)


def submitters() -> list[str | None]:
    return list(Task.objects.order_by("id").values_list("submitted_by", flat=True))


def test_a_key_and_a_person() -> None:
    key, person = key_client(name="billing"), user_client(username="ada")
    body = {"type": "noop"}
    name = f"key:billing ({key.api_key.prefix})"
    assert key.post("/tasks", body).json()["submittedBy"] == name
    keyed = key.post("/tasks", {**body, "idempotencyKey": "one"}).json()
    again = user_client(username="bob").post("/tasks", {**body, "idempotencyKey": "one"})
    assert (again.status_code, again.json()["submittedBy"]) == (200, keyed["submittedBy"])
    person.post("/tasks", body, format="json")
    key.post("/tasks/bulk", {"tasks": [body, {**body, "ref": "a"}]})
    parents = {"tasks": [{**body, "ref": "a"}, {**body, "dependsOn": ["a"]}]}
    person.post("/tasks/bulk", parents, format="json")
    assert submitters() == [name, name, "user:ada", name, name, "user:ada", "user:ada"]


def test_calls_that_arrive_together_keep_their_own() -> None:
    home, spec = default_workspace().id, TaskSpec(type="noop")
    accept_each([(home, spec, "user:ada"), (home, spec, None), (home, spec, "key:x")])
    assert submitters() == ["user:ada", None, "key:x"]


def test_one_statement_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    submit_task(spec=TaskSpec(type="noop"))  # the lane is known from here on
    for submitter in (None, ADA.as_submitter):
        with CaptureQueriesContext(connection) as queries:
            submit_task(spec=TaskSpec(type="noop"), submitter=submitter)
        assert len([each for each in queries if "INSERT" in each["sql"]]) <= 1
    for count in (3, 200):  # one statement, and COPY
        ids = submit_tasks(specs=[TaskSpec(type="noop")] * count, submitter="key:x")
        assert Task.objects.filter(id__in=ids, submitted_by="key:x").count() == count


def test_the_platforms_own() -> None:
    home = default_workspace()
    job = make_job("nightly", home)
    trigger_schedule(workspace_id=home.id, schedule_id=job.id, actor=SYSTEM)
    assert submitters() == ["system:schedule nightly"]
    name = make_run().workflow.name
    assert set(submitters()[1:]) == {platform_submitter(f"workflow {name}")}
    test = make_stress_test(1, name="load")
    assert _submit_next(test, test.created_at) <= 1
    run("enqueue", "noop")
    assert submitters()[-1] == terminal_actor().as_submitter
    letter = make_letter(type="noop", payload={})
    reprocess_letter(workspace_id=home.id, letter_id=letter.id, actor=ADA)
    assert submitters()[-1] == "user:ada"
    operation = start(
        "dead-letters", "reprocess", ids=[str(make_letter(type="noop", payload={}).id)]
    )
    drive_to_end(operation)
    assert OperationItem.objects.get().outcome == "CHANGED"
    assert submitters()[-1] == platform_submitter(operation.created_by)


def test_filters_of_every_door() -> None:
    person = user_client(username="ada")
    mine = make_task(submitted_by="user:ada")
    other = make_task(submitted_by="key:x, y")
    make_task()

    def listed(client: Any, query: str) -> list[str]:
        answer = client.get(f"/tasks?{query}")
        assert answer.status_code == 200, answer.content
        return [each["id"] for each in answer.json()["data"]]

    assert listed(person, "submittedBy=me") == [str(mine.id)]
    assert listed(key_client(), "submittedBy=me") == []
    assert set(listed(person, 'submittedBy=me,"key:x, y"')) == {str(mine.id), str(other.id)}
    lines = b"".join(person.get("/tasks/export?format=csv&submittedBy=me")).decode()
    (row,) = csv.DictReader(StringIO(lines.lstrip("\ufeff")))
    assert (row["id"], row["submittedBy"]) == (str(mine.id), "user:ada")
    found = run("tasks", "list", "--submitted-by", "user:ada", "--json").json
    assert [each["id"] for each in found] == [str(mine.id)]
    assert "user:ada" in run("tasks", "show", str(mine.id)).out

    body = {"target": "tasks", "action": "cancel", "filter": {"submittedBy": "me"}}
    preview = person.post("/operations/preview", body, format="json").json()
    assert [each["id"] for each in preview["first"]] == [str(mine.id)]
    assert preview["selection"] == "submittedBy user:ada"
    act = {"action": "cancel", "filter": {"submittedBy": "me"}, "dryRun": True}
    assert person.post("/tasks/actions", act, format="json").json()["matched"] == 1


def test_me_is_refused_where_nobody_asks() -> None:
    with pytest.raises(Exception, match="give the whole name"):
        list_tasks(default_workspace().id, TaskFilter(submitters=("me",)))


def test_pages_show_it_and_lead_to_the_others() -> None:
    client = staff_client("ada", "operator", apps=["tasks_app"])
    mine, other = make_task(submitted_by="user:ada"), make_task(submitted_by="key:<b>x")
    page = client.get(reverse("admin:tasks_app_task_change", args=[other.id])).content.decode()
    assert "&lt;b&gt;x" in page
    assert "API key" in page
    assert "submittedBy=key%3A%3Cb%3Ex" in page
    path = reverse("admin:tasks_app_task_changelist")
    shown = client.get(f"{path}?submittedBy=me&columns=submitter").content.decode()
    assert str(mine.id) in shown
    assert str(other.id) not in shown
    assert ">Mine<" in client.get(path).content.decode()
    changes = f"{reverse('admin:tasks_app_task_list_changes')}?submittedBy=me&anchor={UUID(int=0)}"
    assert client.get(changes).json()["newer"] == "1"


def test_the_index_of_people_is_used() -> None:
    made = [Task(**_columns(number)) for number in range(2_000)]
    Task.objects.bulk_create(made)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE tasks_app_task")
    wanted = TaskFilter(submitters=("user:ada",))
    plan = list_tasks(default_workspace().id, wanted).order_by("-id")[:50].explain()
    assert "task_of_person" in plan


def _columns(number: int) -> dict[str, Any]:
    first = make_task() if number == 0 else None
    lane = (first or Task.objects.first()).queue_id  # type: ignore[union-attr] # the first is made
    return {
        "id": uuid7(), "workspace": default_workspace(), "queue_id": lane, "type": "noop",
        "name": "noop", "state": "PENDING", "max_attempts": 1, "round_attempts": 1,
        "timeout_ms": 1_000, "submitted_by": "user:ada" if number == 7 else "key:x",
    }  # fmt: skip
