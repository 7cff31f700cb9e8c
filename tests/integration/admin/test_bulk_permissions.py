"""The question before a bulk operation shows rows: a role is not enough to see it, nor to answer
it."""

import pytest
from django.test import Client
from django.urls import reverse

from controlplane.ops.operations.models import Operation
from controlplane.workspaces.bulk import list_verbs
from tests.clients import default_workspace
from tests.factories import make_job, make_task
from tests.integration.admin.world import log_in

pytestmark = pytest.mark.django_db

NEW = reverse("admin:operations_operation_new")
TARGETS = {"tasks", "queues", "schedules", "dead-letters"}


@pytest.mark.parametrize("target", ["", "cats", *sorted(TARGETS)])
def test_every_target_is_refused(unpermitted: Client, target: str) -> None:
    assert {verb.target.name for verb in list_verbs()} == TARGETS
    make_task(name="a secret")
    query = {"target": target, "action": "delete", "all": "1", "filter": "{}"}
    answer = unpermitted.get(NEW, query, HTTP_ACCEPT="text/html")
    assert answer.status_code == 403
    assert "It needs the permission " in answer.content.decode()
    assert "a secret" not in answer.content.decode()


def test_nothing_is_started_with_a_token_from_elsewhere(unpermitted: Client) -> None:
    make_task()
    ada = log_in("ada", default_workspace(), "operator")
    query = {"target": "tasks", "action": "cancel", "all": "1"}
    page = ada.get(NEW, query).content.decode()
    token = page.partition('name="token" value="')[2].partition('"')[0]
    for address in (NEW, f"{NEW}?target=tasks&action=cancel&all=1"):
        sent = {"token": token, "reason": "x"}
        assert unpermitted.post(address, sent).status_code == 403
    assert not Operation.objects.exists()


def test_only_what_the_person_may_see_is_offered() -> None:
    make_task(name="a secret")
    make_job("nightly")
    permissions = ["view_schedule", "view_operation"]
    client = log_in("sam", default_workspace(), "operator", permissions=permissions)
    page = client.get(NEW).content.decode()
    assert '<option value="resume">' in page
    assert '<option value="cancel">' not in page
    query = {"target": "schedules", "action": "pause", "all": "1"}
    assert "nightly" in client.get(NEW, query).content.decode()
    answer = client.get(NEW, {**query, "target": "tasks"}, HTTP_ACCEPT="text/html")
    assert answer.status_code == 403
    assert "tasks_app.view_task" in answer.content.decode()
