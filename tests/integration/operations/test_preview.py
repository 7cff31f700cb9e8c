"""Previews: what would happen, tokens, drift, and who may do it."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.core import signing
from django.db import connection

from controlplane.core.errors import Conflict, DomainError, Forbidden, Invalid, TooLarge
from controlplane.ops.operations.control import start_operation
from controlplane.ops.operations.models import Operation
from controlplane.workspaces.actors import SYSTEM, Actor
from controlplane.workspaces.bulk.preview import Preview, describe_drift
from controlplane.workspaces.bulk.rows import Membership
from controlplane.workspaces.states import Role
from tasks_app.models import Task
from tests.clients import default_workspace, other_workspace
from tests.factories import make_task, make_tasks
from tests.operations import preview, run

pytestmark = pytest.mark.django_db


def begin(found: Preview, **options: Any) -> Operation:
    return start_operation(
        **{
            "workspace_id": found.plan.workspace_id,
            "token": found.token,
            "actor": SYSTEM,
            "reason": "a test",
            **options,
        }
    )


def errors_of(call: Callable[[], object], kind: type[DomainError] = Invalid) -> dict[str, str]:
    with pytest.raises(kind) as caught:
        call()
    return {each["field"]: each["message"] for each in caught.value.errors}


def test_it_counts_names_the_first_and_says_what_will_happen() -> None:
    make_tasks(3, "COMPLETED", name="sum")
    failed = make_tasks(12, "FAILED", name="send")
    make_task("PENDING")
    make_task("FAILED", workspace=other_workspace())

    found = preview("tasks", "retry", wanted={"status": ["COMPLETED", "FAILED"]})

    assert found.plan.members.count == 15
    assert not found.plan.members.is_estimate
    assert found.title == "Retry 15 tasks"
    assert found.selection == "status COMPLETED or FAILED"
    assert found.consequence == (
        "3 tasks that completed and 12 tasks that did not complete will run again."
    )
    assert len(found.first) == 10
    assert (found.first[3].name, found.first[3].state) == ("send", "FAILED")
    assert found.first[3].key == str(min(failed, key=lambda task: task.id).id)
    assert found.plan.members.last == str(max(failed, key=lambda task: task.id).id)
    assert Operation.objects.count() == 0


def test_a_retry_leaves_completed_tasks_alone_unless_they_are_named() -> None:
    make_tasks(3, "COMPLETED")
    make_tasks(2, "FAILED")

    assert preview("tasks", "retry", wanted={"type": "noop"}).plan.members.count == 2


@pytest.mark.parametrize("target", ["tasks", "dead-letters", "schedules", "queues"])
def test_a_filter_that_selects_everything_must_be_confirmed(target: str) -> None:
    action = {"tasks": "cancel", "dead-letters": "reprocess"}.get(target, "pause")

    refused = errors_of(lambda: preview(target, action, wanted={}))

    assert '"all": true' in refused["filter"]
    assert preview(target, action, is_all=True).plan.members.count == 0


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"target": "cats"}, "target"),
        ({"action": "stroke"}, "action"),
        ({"wanted": None}, "ids"),
        ({"ids": [str(uuid4())]}, "ids"),
        ({"wanted": {"colour": "red"}}, "filter.colour"),
        ({"wanted": None, "ids": ["x"]}, "ids[0]"),
        ({"options": {"priority": 3}}, "options"),
        ({"action": "reprioritize"}, "options.priority"),
        ({"action": "reprioritize", "options": {"priority": 300}}, "options.priority"),
        ({"action": "restore-priority"}, "operation"),
        ({"wanted": None, "origin": uuid4()}, "operation"),
    ],
)
def test_what_cannot_be_previewed(values: dict[str, Any], field: str) -> None:
    body = {"target": "tasks", "action": "cancel", "wanted": {"type": "noop"}, **values}

    assert field in errors_of(lambda: preview(body.pop("target"), body.pop("action"), **body))


def test_ids_that_name_nothing_are_counted() -> None:
    task = make_task()

    found = preview("tasks", "cancel", ids=[str(task.id), str(uuid4())])

    assert (found.plan.members.count, found.missing) == (1, 1)


def test_more_than_the_limit_are_refused(settings: Any) -> None:
    settings.TASKPLANE = {**settings.TASKPLANE, "OPERATION_MAX_ITEMS": 2}
    make_tasks(3)

    with pytest.raises(TooLarge, match="3 tasks match; the limit is 2"):
        preview("tasks", "cancel", is_all=True)


def test_a_set_that_has_grown_is_refused_until_that_is_accepted() -> None:
    make_tasks(2)
    found = preview("tasks", "cancel", wanted={"type": "noop"})
    make_task()

    with pytest.raises(Conflict, match="2 matched then, 3 now"):
        begin(found)

    assert begin(found, accept_drift=True).matched == 3


def test_a_set_of_the_same_size_with_other_members_is_refused() -> None:
    tasks = make_tasks(2)
    found = preview("tasks", "cancel", wanted={"type": "noop"})
    Task.objects.filter(id=tasks[0].id).delete()
    make_task()

    with pytest.raises(Conflict, match="2 matched then and now, but they are not the same"):
        begin(found)


def test_an_empty_set_cannot_be_started() -> None:
    found = preview("tasks", "cancel", wanted={"type": "noop"})

    assert found.consequence == "Nothing matches."
    with pytest.raises(Conflict, match="nothing to do"):
        begin(found, accept_drift=True)


def test_of_estimated_sets_the_last_key_is_compared() -> None:
    before = Membership(200_000, True, None, "k")

    assert describe_drift(before, Membership(210_000, True, None, "k")) == ""
    assert describe_drift(before, Membership(210_000, True, None, "m")) == (
        "200,000 matched then, about 210,000 now."
    )
    assert describe_drift(before, Membership(5, False, 1, "k")) == "200,000 matched then, 5 now."


def test_a_token_starts_one_operation() -> None:
    make_task()
    found = preview("tasks", "cancel", is_all=True)

    operation = begin(found)

    with pytest.raises(Conflict, match=str(operation.id)):
        begin(found)


def test_a_token_is_for_its_workspace_and_its_maker() -> None:
    make_task()
    found = preview("tasks", "cancel", is_all=True)
    somebody = Actor("user", "7", "bob", Role.ADMIN)

    for wrong in ({"workspace_id": other_workspace().id}, {"actor": somebody}):
        assert "somebody else" in errors_of(lambda wrong=wrong: begin(found, **wrong))["token"]


def test_a_token_cannot_be_changed_and_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    make_task()
    found = preview("tasks", "cancel", is_all=True)

    assert "not the token" in errors_of(lambda: begin(found, token=found.token + "x"))["token"]
    made_up = signing.dumps({"id": 1}, salt="another")
    assert "not the token" in errors_of(lambda: begin(found, token=made_up))["token"]
    monkeypatch.setattr("controlplane.workspaces.bulk.preview.TOKEN_SECONDS", -1)
    assert "make another" in errors_of(lambda: begin(found))["token"]


def test_what_cannot_be_undone_or_is_large_needs_a_reason() -> None:
    make_task()
    refused = errors_of(lambda: begin(preview("tasks", "cancel", is_all=True), reason="  "))
    assert refused["reason"] == "Give a reason: it cannot be undone."

    few = preview("tasks", "reprioritize", is_all=True, options={"priority": 5})
    assert begin(few, reason="").reason == ""

    make_tasks(100)
    many = preview("tasks", "reprioritize", is_all=True, options={"priority": 6})
    refused = errors_of(lambda: begin(many, reason=""))
    assert refused["reason"] == "Give a reason: it touches more than 100."


def test_a_role_and_scopes_are_needed() -> None:
    make_task()

    def actor(role: Role, *scopes: str) -> Actor:
        return Actor("key", "1", "a key", role, frozenset(scopes))

    for wrong in (
        actor(Role.VIEWER),
        actor(Role.OPERATOR, "operations:write"),
        actor(Role.OPERATOR, "operations:write", "dlq:write"),
    ):
        with pytest.raises(Forbidden):
            preview("tasks", "cancel", is_all=True, actor=wrong)
    may = actor(Role.OPERATOR, "operations:write", "tasks:write")
    assert preview("tasks", "cancel", is_all=True, actor=may).plan.members.count == 1
    with pytest.raises(Forbidden):
        preview("dead-letters", "reprocess", is_all=True, actor=may)


def test_an_operation_of_another_workspace_is_none() -> None:
    make_task()
    theirs = other_workspace()
    operation = run("tasks", "reprioritize", is_all=True, options={"priority": 3})

    assert "operation" in errors_of(
        lambda: preview("tasks", "cancel", origin=operation.id, workspace=theirs)
    )
    assert preview("tasks", "cancel", origin=operation.id).plan.members.count == 1
    assert operation.workspace_id == default_workspace().id


def test_more_than_can_be_counted_are_estimated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("controlplane.workspaces.bulk.rows.EXACT", 20)
    tasks = sorted(make_tasks(30), key=lambda task: task.id)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE tasks_app_task")

    found = preview("tasks", "reprioritize", is_all=True, options={"priority": 5})

    members = found.plan.members
    assert (members.is_estimate, members.digest) == (True, None)
    assert members.count > 20
    assert [each.key for each in found.first] == [str(task.id) for task in tasks[-10:]]
    assert members.last == str(tasks[-1].id)
    assert found.title.startswith("Change the priority of about ")
    assert found.plan.needs_reason
    assert begin(found).is_estimate


def test_what_takes_too_long_to_count_is_estimated(monkeypatch: pytest.MonkeyPatch) -> None:
    def takes_too_long(rows: object, key: str) -> dict[str, int]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('statement_timeout', '20ms', true)")
            cursor.execute("SELECT pg_sleep(1)")
        return {}

    monkeypatch.setattr("controlplane.workspaces.bulk.rows._digest", takes_too_long)
    make_tasks(3)

    members = preview("tasks", "cancel", is_all=True).plan.members

    assert members.is_estimate
    assert members.last == str(Task.objects.order_by("id").values_list("id", flat=True).last())
