"""A page whose record is deleted, or may not be seen any more, says so and does not look alive."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from controlplane.core.clock import now, utc_z
from controlplane.ops.operations.models import Operation
from tasks_app.models import Task
from tests.browser.axe import find_violations
from tests.browser.visitors import Visitors
from tests.factories import make_task, make_tasks
from tests.operations import drive, start

pytestmark = pytest.mark.django_db(transaction=True)

PageOf = Callable[..., Any]
_QUICK_MS = 10_000
_NOTICED = re.compile(r"Noticed at \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC\.")


def open_live(page: Any, address: str) -> None:
    page.goto(address)
    expect(page.locator("#live-status")).to_have_text("Live")
    page.wait_for_timeout(1_500)  # for the first answers


def address_of(task: Task) -> str:
    return reverse("admin:tasks_app_task_change", args=[task.id])


def is_over(page: Any, words: str) -> None:
    notice = page.get_by_role("alert")
    expect(notice).to_contain_text(words, timeout=_QUICK_MS)
    expect(notice).to_contain_text(_NOTICED)
    expect(page.locator("#live-status")).to_have_text("Not live")
    expect(page.locator("#live-pause")).to_be_hidden()
    expect(page.locator("[data-subject]")).to_have_attribute("data-gone", "")
    expect(page.locator("[data-actions]")).to_have_attribute("inert", "")


@pytest.mark.parametrize(("theme", "width"), [("light", 1440), ("dark", 390)])
def test_the_page_of_a_deleted_task_says_so(page_of: PageOf, theme: str, width: int) -> None:
    task = make_task("RUNNING", name="Charge order 17")
    page = page_of("operator", theme, width)
    open_live(page, address_of(task))
    expect(page.locator("[data-state-word]")).to_have_text("Running")
    Task.objects.filter(id=task.id).delete()
    is_over(page, "This task no longer exists.")
    expect(page.locator("h1")).to_contain_text("(no longer updated)")
    assert find_violations(page) == []
    # What it still shows stands.
    age = page.locator("[data-as-of] > time").last
    before = age.inner_text()
    page.wait_for_timeout(2_500)
    assert age.inner_text() == before


def test_a_question_about_a_deleted_task_is_closed(page_of: PageOf) -> None:
    task = make_task("COMPLETED", name="paid")
    page = page_of("operator")
    open_live(page, address_of(task))
    page.get_by_role("link", name="Retry…", exact=True).click()
    expect(page.locator("dialog[open]")).to_have_count(1)
    Task.objects.filter(id=task.id).delete()
    is_over(page, "This task no longer exists.")
    expect(page.locator("dialog[open]")).to_have_count(0)
    page.wait_for_function("document.activeElement.closest('main') !== null")


def test_a_deleted_bulk_operation_is_not_cancelled(page_of: PageOf) -> None:
    make_tasks(450)
    operation = drive(start("tasks", "cancel", is_all=True), passes=2)
    page = page_of("operator")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.method))
    open_live(page, reverse("admin:operations_operation_change", args=[operation.id]))
    page.get_by_role("button", name="Cancel").click()
    question = page.locator("dialog[open]")
    question.wait_for()
    Operation.objects.filter(id=operation.id).delete()
    expect(
        page.locator(".callout", has_text="This bulk operation no longer exists.")
    ).to_be_visible(timeout=_QUICK_MS)
    question.get_by_role("button", name="Cancel").click()
    expect(page.locator("dialog")).to_have_count(0)
    is_over(page, "This bulk operation no longer exists.")
    page.wait_for_timeout(500)
    assert "POST" not in sent


@pytest.mark.parametrize(
    ("refusal", "words", "is_seen"),
    [
        ({"kind": "error", "code": 4403, "message": "It needs the role viewer."},
         "You may no longer see this task. It needs the role viewer.", False),
        ({"kind": "error", "code": 4429, "message": "A socket may watch 64 topics."},
         "This page no longer follows this task. A socket may watch 64 topics.", True),
        (None, "You may no longer see this task. You are not in this workspace any more.", False),
    ],
    ids=["forbidden", "not followed", "closed"],
)  # fmt: skip
def test_a_topic_that_is_refused(
    visitors: Visitors, page_of: PageOf, refusal: dict[str, Any] | None, words: str, is_seen: bool
) -> None:
    """By a server that the test plays."""
    visitors.guard.allowed.append("WebSocket")
    task = make_task(name="Charge order 17")
    page = page_of("operator")
    routes: list[Any] = []

    def answer(route: Any) -> None:
        routes.append(route)
        route.on_message(lambda _: None)
        route.send(json.dumps({"kind": "hello", "at": utc_z(now())}))

    page.route_web_socket("**/ws/live", answer)
    page.goto(address_of(task))
    expect(page.locator("#live-chip")).to_be_visible()
    page.wait_for_timeout(500)
    if refusal is None:
        routes[-1].close(code=4403, reason="You are not in this workspace any more.")
    else:
        routes[-1].send(json.dumps({"topic": f"task:{task.id}", **refusal}))
    if not is_seen:
        is_over(page, words)
        return
    expect(page.get_by_role("alert")).to_contain_text(words)
    expect(page.locator("#live-status")).to_have_text("Not live")
    # The record is there: what can be done with it still can.
    assert page.locator("[data-actions]").get_attribute("inert") is None
