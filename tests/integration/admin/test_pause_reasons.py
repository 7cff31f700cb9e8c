"""A pause of a queue says why, to everybody who looks at it: each page that pauses asks for it."""

import re
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.urls import reverse

from controlplane.core.clock import now
from controlplane.ops.operations.models import Operation
from tasks_app.models import Queue
from tests.clients import default_workspace, key_client
from tests.factories import make_job, make_queue
from tests.integration.admin.toasts import messages_of
from tests.integration.admin.world import log_in
from tests.operations import run

pytestmark = pytest.mark.django_db
LIST = reverse("admin:tasks_app_queue_changelist")
NEW = reverse("admin:operations_operation_new")
REFUSED = (
    "Nothing was paused. Give a reason for the pause: everybody who looks at the queue reads it."
)


@pytest.fixture
def operator(db: None) -> Client:
    return log_in("ada", default_workspace(), "operator")


def act(client: Client, action: str, reason: str) -> list[tuple[str, str]]:
    chosen = list(Queue.objects.values_list("pk", flat=True))
    data = {"action": action, "_selected_action": chosen, "reason": reason}
    return messages_of(client.post(LIST, data, follow=True).content.decode())


def test_the_list_pauses_only_for_a_reason(operator: Client) -> None:
    for name in ("mail", "print"):
        make_queue(name)
    for reason in ("", " \n "):
        assert act(operator, "pause", reason) == [("error", REFUSED)]
    assert not Queue.objects.filter(paused_at__isnull=False).exists()
    assert act(operator, "pause", "a storm") == [("success", "2 of 2 queues paused.")]
    assert set(Queue.objects.values_list("pause_reason", flat=True)) == {"a storm"}
    assert act(operator, "resume", "") == [("success", "2 of 2 queues resumed.")]


def test_the_form_of_the_list_asks_for_it_only_for_a_pause(operator: Client) -> None:
    make_queue("mail")
    page = operator.get(LIST).content.decode()
    assert re.search(r'<input id="reason"[^>]* required', page)
    buttons = {
        name: "formnovalidate" in rest
        for name, rest in re.findall(r'name="action" value="(\w+)"([^>]*)>', page)
    }
    assert buttons == {"pause": False, "resume": True, "bulk": True}


def ask(client: Client, **query: Any) -> tuple[str, Any]:
    """The address of the question before a bulk operation, and its page."""
    address = f"{NEW}?{urlencode(query)}"
    answer = client.get(address)
    assert answer.status_code == 200
    return address, answer


def test_a_bulk_operation_of_the_page_asks_for_it(operator: Client) -> None:
    make_queue("mail")
    address, page = ask(operator, target="queues", action="pause", id="mail")
    token = page.context["form"]["token"].value()
    refused = operator.post(address, {"token": token, "reason": " "})
    assert "Give the reason." in refused.content.decode()
    assert not Operation.objects.exists()
    assert operator.post(address, {"token": token, "reason": "a storm"}).status_code == 302
    assert Operation.objects.get().reason == "a storm"


def test_other_bulk_operations_that_can_be_undone_do_not(operator: Client) -> None:
    make_job("nightly")
    make_queue("mail", paused_at=now(), pause_reason="a storm")

    def is_needed(**query: Any) -> bool:
        _, page = ask(operator, **query)
        return bool(page.context["form"].fields["reason"].required)

    assert not is_needed(target="schedules", action="pause", all="1")
    assert not is_needed(target="queues", action="resume", id="mail")
    # The undo gives the queue the reason that its pause had.
    resumed = run("queues", "resume", ids=["mail"])
    assert not is_needed(target="queues", action="pause", operation=str(resumed.id))
    assert is_needed(target="queues", action="pause", id="mail")


def test_programs_may_leave_it_out(db: None) -> None:
    make_queue("mail")
    answer = key_client("operator").patch("/queues/mail", {"paused": True}, format="json")
    assert answer.status_code == 200
    assert Queue.objects.get().paused_at is not None
