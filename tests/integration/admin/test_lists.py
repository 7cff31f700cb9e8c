"""What holds for every list of this project's rows. (Lists of other packages are theirs.)"""

from collections.abc import Callable

import pytest
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from controlplane.ops.schedules.models import Schedule
from controlplane.workspaces.models import AuditEvent
from tasks_app.models import Leader
from tests.clients import other_workspace
from tests.factories import (
    make_job,
    make_leader,
    make_letter,
    make_node,
    make_scaling_event,
    make_task,
)
from tests.integration.admin.world import World, log_in, rows_of

pytestmark = pytest.mark.django_db
MAX_QUERIES = 16


def list_of(label: str) -> str:
    return reverse(f"admin:{label.lower().replace('.', '_')}_changelist")


def count_queries(client: Client, path: str) -> int:
    with CaptureQueriesContext(connection) as queries:
        assert client.get(path).status_code == 200
    return len(queries)


def add_shared_rows() -> list[Model]:
    """Rows that belong to no workspace, of the models of this project."""
    leader = make_leader()
    other = Leader(name="another", holder=leader.holder, holder_label="host:2")
    other.acquired_at, other.expires_at = leader.acquired_at, leader.expires_at
    other.save()
    return [make_node(), make_scaling_event(), other]


def test_the_number_of_queries_does_not_depend_on_the_number_of_rows() -> None:
    world = World()
    root = world.people["root"]
    shared = [make_node(), make_scaling_event(), make_leader()]
    labels = [*world.own, *(row._meta.label for row in shared)]
    assert len(labels) == 20
    before = {label: count_queries(root, list_of(label)) for label in labels}
    for slug in ("third", "fourth"):
        rows_of(other_workspace(slug))
    add_shared_rows()
    after = {label: count_queries(root, list_of(label)) for label in labels}
    assert after == before
    after.pop("dlq.LetterGroup")  # an inbox with a panel: test_budgets.py has its bound
    assert max(after.values()) <= MAX_QUERIES


def test_an_empty_list_has_a_page() -> None:
    root = log_in("root", is_superuser=True)
    for label in (
        "tasks_app.Task", "tasks_app.Queue", "tasks_app.IdempotencyKey", "tasks_app.Leader",
        "workflows.Workflow", "workflows.WorkflowRun", "dlq.DeadLetter", "dlq.Replay",
        "schedules.Schedule", "schedules.Firing", "stress.StressTest", "workers.Node",
        "scaling.ScalingEvent", "workspaces.ApiKey", "workspaces.Membership",
        "operations.Operation",
    ):  # fmt: skip
        page = root.get(list_of(label)).content.decode()
        assert "0 " in page, label


class TestConfirmation:
    """Actions that end something ask first."""

    @pytest.mark.parametrize(
        ("label", "action", "button"),
        [
            ("tasks_app.Task", "cancel", "Cancel"),
            ("tasks_app.Task", "reprioritize", "Reprioritize"),
            ("workflows.WorkflowRun", "cancel", "Cancel"),
            ("dlq.DeadLetter", "discard", "Discard"),
            ("workers.Node", "drain", "Drain"),
            ("workspaces.ApiKey", "revoke", "Revoke"),
        ],
    )
    def test_nothing_changes_before_the_confirmation(
        self, label: str, action: str, button: str
    ) -> None:
        world = World()
        row = world.row(label)
        audited = AuditEvent.objects.count()
        data = {"action": action, "_selected_action": [str(row.pk)]}
        page = world.people["root"].post(list_of(label), data).content.decode()
        name = row._meta.verbose_name
        assert f"{button} 1 {name}?" in page
        assert f'name="_selected_action" value="{row.pk}"' in page
        assert AuditEvent.objects.count() == audited

    def test_all_rows_of_a_list_are_confirmed_as_a_whole(self) -> None:
        world = World()
        rows = [str(world.own["tasks_app.Task"].pk)]
        data = {"action": "cancel", "_selected_action": rows, "select_across": "1"}
        path = f"{list_of('tasks_app.Task')}?status=PENDING"
        client = world.people["operator"]
        page = client.post(path, data).content.decode()
        assert 'name="select_across" value="1"' in page
        done = client.post(
            path, {**data, "post": "yes", "reason": "OPS-1"}, follow=True
        ).content.decode()
        assert "tasks cancelled or asked to stop" in done
        world.own["tasks_app.Task"].refresh_from_db()
        assert world.own["tasks_app.Task"].state == "CANCELLED"  # type: ignore[attr-defined]
        world.foreign["tasks_app.Task"].refresh_from_db()
        assert world.foreign["tasks_app.Task"].state == "PENDING"  # type: ignore[attr-defined]

    @pytest.mark.parametrize(
        ("make", "action"),
        [
            (make_task, "cancel"),
            (make_letter, "discard"),
            (lambda: make_job(f"job {Schedule.objects.count()}"), "run_now"),
        ],
    )
    def test_other_rows_than_those_of_the_question_are_asked_about_again(
        self, make: Callable[[], Model], action: str
    ) -> None:
        client = log_in("root", is_superuser=True)
        path = list_of(make()._meta.label)
        data = {"action": action, "_selected_action": ["0"], "select_across": "1"}
        found = client.post(path, data).content.decode()
        assert 'name="matched" value="1"' in found
        make()
        audited = AuditEvent.objects.count()
        sure = {**data, "post": "yes", "reason": "OPS-1"}
        found = client.post(path, {**sure, "matched": "1"}).content.decode()
        assert "The number that matches has changed to 2. Nothing was done: look again." in found
        assert 'name="matched" value="2"' in found
        assert AuditEvent.objects.count() == audited
        assert client.post(path, {**sure, "matched": "2"}).status_code == 302
        assert AuditEvent.objects.count() > audited
