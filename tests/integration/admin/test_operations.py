"""The pages of bulk operations as they work without scripts."""

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from controlplane.core.admin.pages import OperationalAdmin
from controlplane.core.clock import now
from controlplane.ops.operations.models import Operation
from tasks_app.models import Task
from tests.clients import default_workspace, other_workspace
from tests.factories import make_job, make_letter, make_queue, make_task, make_tasks
from tests.hostiletext import HOSTILE
from tests.integration.admin.world import log_in
from tests.integration.commands.running import run as run_command
from tests.operations import drive, run, start

pytestmark = pytest.mark.django_db

LIST = "/admin/operations/operation/"
NEW = "/admin/operations/operation/new/"
SCRIPT = "<script>alert(1)</script>"
MAX_QUERIES = 20


@pytest.fixture
def operator(db: None) -> Any:
    return log_in("ada", default_workspace(), "operator")


def token_of(page: str) -> str:
    return page.partition('name="token" value="')[2].partition('"')[0]


def change_url(operation: Operation) -> str:
    return reverse("admin:operations_operation_change", args=[operation.id])


def test_from_the_question_to_the_started_operation(operator: Any) -> None:
    make_tasks(3, name="an order")
    query = {"target": "tasks", "action": "cancel", "filter": '{"type": "noop"}'}
    page = operator.get(NEW, query).content.decode()
    assert "Cancel 3 tasks?" in page
    assert "3 waiting tasks will end at once." in page
    assert "an order" in page

    refused = operator.post(
        f"{NEW}?{'&'.join(f'{k}={v}' for k, v in query.items())}",
        {
            "token": token_of(page),
        },
    ).content.decode()
    assert "Give a reason: it cannot be undone." in refused
    answer = operator.post(
        f"{NEW}?target=tasks&action=cancel",
        {"token": token_of(page), "reason": "Withdrawn.", "rate_per_second": "50"},
    )

    operation = Operation.objects.get()
    assert answer.url == change_url(operation)
    assert (operation.reason, operation.rate_per_second) == ("Withdrawn.", 50)
    assert operation.created_by == "ada"


def test_what_cannot_be_previewed_says_why(operator: Any) -> None:
    for query, words in (
        ({"target": "tasks", "action": "cancel", "filter": "{}"}, "confirm it with"),
        ({"target": "tasks", "action": "cancel", "filter": "["}, "filter:"),
        ({"target": "tasks", "action": "cancel", "id": "x"}, "not the id of a task"),
        ({"target": "tasks", "action": "juggle", "all": "1"}, "One of cancel"),
        ({"target": "cats", "action": "juggle"}, "One of tasks"),
        ({"target": "tasks", "action": "reprioritize", "all": "1"}, "required"),
        ({"target": "tasks", "action": "cancel", "operation": "x"}, "This is not an id."),
        ({"target": "tasks", "action": "cancel", "all": "1"}, "Nothing matches"),
    ):
        page = operator.get(NEW, query)
        assert page.status_code == 200
        assert words in page.content.decode(), query
        assert '<form method="post" novalidate' not in page.content.decode()


def test_a_priority_is_asked_for(operator: Any) -> None:
    make_task()
    query = {"target": "tasks", "action": "reprioritize", "all": "1", "option-priority": "7"}

    page = operator.get(NEW, query).content.decode()

    assert "1 task will have the priority 7." in page
    assert "It can be undone." in page


def test_the_workspace_is_chosen_first() -> None:
    other_workspace()
    root = log_in("root", is_superuser=True)

    answer = root.get(NEW, {"target": "tasks", "action": "cancel", "all": "1"}, follow=True)
    assert "Choose one workspace first" in answer.content.decode()
    page = root.get(NEW, {"target": "tasks", "action": "cancel", "all": "1", "workspace": "other"})
    assert "Nothing matches." in page.content.decode()


def bulk(client: Any, model: str, rows: list[Any], query: str = "", across: str = "0") -> Any:
    """The address to which the bulk action of a list leads."""
    answer = client.post(
        f"{reverse(f'admin:{model}_changelist')}{query}",
        {"action": "bulk", "_selected_action": [str(row.pk) for row in rows],
         "select_across": across, "index": "0"},
    )  # fmt: skip
    assert answer.status_code == 302
    return parse_qs(urlsplit(answer.url).query)


def test_each_list_leads_to_the_question_with_its_selection(operator: Any) -> None:
    task, letter, job, queue = make_task(), make_letter(), make_job("nightly"), make_queue("mail")
    for model, target, row, key in (
        ("tasks_app_task", "tasks", task, str(task.id)),
        ("dlq_deadletter", "dead-letters", letter, str(letter.id)),
        ("schedules_schedule", "schedules", job, str(job.id)),
        ("tasks_app_queue", "queues", queue, "mail"),
    ):
        assert bulk(operator, model, [row]) == {
            "target": [target], "workspace": ["default"], "id": [key],
        }  # fmt: skip


def test_all_that_match_are_selected_by_the_filter_of_the_list(operator: Any) -> None:
    task, letter, job = make_task(), make_letter(), make_job("nightly")
    lists = {
        "tasks_app_task": (task, '?status=PENDING&type=noop&payload.a.b=5', {
            "status": ["PENDING"], "type": ["noop"], "payload.a.b": [5, "5"],
        }),
        "dlq_deadletter": (letter, "?status__exact=OPEN&q=order", {
            "status": "OPEN", "search": "order",
        }),
        "schedules_schedule": (job, "?periodic_task__enabled__exact=1&q=night", {
            "enabled": "true", "search": "night",
        }),
    }  # fmt: skip
    for model, (row, query, wanted) in lists.items():
        found = bulk(operator, model, [row], query, across="1")
        assert json.loads(found["filter"][0]) == wanted, model
        page = operator.get(
            NEW,
            {name: values[0] for name, values in found.items()}
            | {
                "action": {"tasks": "cancel", "dead-letters": "discard"}.get(
                    found["target"][0], "pause"
                ),
            },
        )
        assert page.status_code == 200
        assert 'class="callout" role="alert"' not in page.content.decode()


def test_all_queues_that_match_are_one_link_away(operator: Any) -> None:
    """The operation then narrows them to those that it can change: a paused queue is resumed."""
    make_queue("mail", paused_at=now())
    make_queue("mailing")
    make_queue("reports", paused_at=now())
    address = reverse("admin:tasks_app_queue_changelist")
    for query, wanted, paused in (
        ("", {}, 2),
        ("?q=mail", {"search": "mail"}, 1),
        ("?q=mail&show=paused&workspace=default", {"search": "mail", "paused": True}, 1),
    ):
        link = operator.get(f"{address}{query}").context["bulk_all"]
        found = parse_qs(urlsplit(link).query)
        assert found["workspace"] == ["default"]
        assert json.loads(found["filter"][0]) == wanted
        page = operator.get(f"{link}&action=resume")
        assert page.context["preview"]["matched"] == paused, page.context["problem"]
    assert "Bulk operation on all" not in operator.get(f"{address}?q=nothing").content.decode()
    viewer = log_in("vic", default_workspace(), "viewer")
    assert "Bulk operation on all" not in viewer.get(address).content.decode()


@pytest.mark.parametrize("place", ["p=2", "o=-1", "e=1", "saved=open"])
def test_the_place_in_the_list_is_no_filter(
    operator: Any, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(OperationalAdmin, "list_per_page", 1)
    letter, job = make_letter(), make_job("nightly")
    make_letter()
    make_job("hourly")
    found = bulk(operator, "dlq_deadletter", [letter], f"?status__exact=OPEN&{place}", across="1")
    assert json.loads(found["filter"][0]) == {"status": "OPEN"}
    query = f"?overlap__exact=skip&{place}"
    found = bulk(operator, "schedules_schedule", [job], query, across="1")
    assert json.loads(found["filter"][0]) == {"overlap": "skip"}


def test_schedules_are_selected_by_their_overlap(operator: Any) -> None:
    make_job("nightly", overlap="queue")
    make_job("hourly", overlap="skip")
    found = operator.get(
        NEW, {"target": "schedules", "action": "pause", "filter": '{"overlap": "queue"}'}
    ).content.decode()
    assert "Pause 1 schedule?" in found
    assert "nightly" in found


def test_rows_of_two_workspaces_are_not_mixed() -> None:
    mine, theirs = make_task(), make_task(workspace=other_workspace())
    root = log_in("root", is_superuser=True)

    answer = root.post(
        reverse("admin:tasks_app_task_changelist"),
        {"action": "bulk", "_selected_action": [str(mine.id), str(theirs.id)]},
        follow=True,
    )

    assert "for one workspace" in answer.content.decode()


def test_hostile_text_is_only_text(operator: Any) -> None:
    task = make_task(name=SCRIPT)
    Task.objects.filter(id=task.id).update(name=(SCRIPT + HOSTILE.replace("\x00", ""))[:200])
    operation = run("tasks", "cancel", ids=[str(task.id)])
    Operation.objects.filter(id=operation.id).update(
        reason=SCRIPT, created_by=SCRIPT, selection={"filter": {SCRIPT: SCRIPT}}
    )
    operation.items.update(detail=SCRIPT)

    for url in (
        change_url(operation),
        reverse("admin:operations_operation_changelist"),
        f"{NEW}?target=tasks&action=delete&all=1&{SCRIPT}={SCRIPT}",
    ):
        page = operator.get(url).content.decode()
        assert SCRIPT not in page
        assert "&lt;script&gt;" in page


def test_the_page_of_an_operation_has_a_bounded_number_of_queries(operator: Any) -> None:
    make_tasks(3)
    small = drive(start("tasks", "cancel", is_all=True), passes=3)
    make_tasks(400)
    large = drive(start("tasks", "cancel", is_all=True), passes=2)
    counts = []
    for operation in (small, large):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert operator.get(change_url(operation)).status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1] <= MAX_QUERIES


def test_while_its_items_are_listed_it_says_how_many(operator: Any) -> None:
    make_tasks(3)
    operation = start("tasks", "cancel", is_all=True)
    Operation.objects.filter(pk=operation.pk).update(total=2, paused_at=now())
    page = " ".join(
        operator.get(f"{change_url(operation)}?outcome=FAILED").content.decode().split()
    )
    assert '#total">2</span> of 3 listed' in page
    assert "Listing is paused." in page
    assert '#total">2</span> of 3 listed' in operator.get(LIST).content.decode()
    assert "2 of 3 listed, 0 done" in run_command("operations", "show", str(operation.pk)).out
    assert "0 (2 listed)" in run_command("operations", "list").out


def test_pages_of_items_follow_each_other(operator: Any) -> None:
    make_tasks(60)
    operation = run("tasks", "cancel", is_all=True)
    first = operator.get(change_url(operation))
    assert 'rel="next"' in first.content.decode()
    after = operation.items.order_by("id").values_list("id", flat=True)[49]

    page = operator.get(change_url(operation), {"after": str(after), "outcome": "CHANGED"})

    text = page.content.decode()
    assert 'rel="next"' not in text
    assert ">51</td>" in text
    for wrong in ({"after": "x"}, {"outcome": "WRONG"}, {"after": "9" * 30}):
        assert operator.get(change_url(operation), wrong).status_code == 200


def test_an_ended_operation_offers_to_undo_it(operator: Any) -> None:
    make_job("nightly")
    operation = run("schedules", "pause", is_all=True)

    page = operator.get(change_url(operation)).content.decode()

    assert "Undo: resume exactly 1 schedule" in page
    assert f"operation={operation.id}" in page
    viewer = log_in("vic", default_workspace(), "viewer")
    assert "Undo: resume" not in viewer.get(change_url(operation)).content.decode()
