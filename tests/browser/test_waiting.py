"""The sentence of a waiting task follows all that it depends on, and shows its age."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from controlplane.core.clock import now
from controlplane.workspaces.actors import SYSTEM
from tasks_app.models import Task
from tasks_app.services import change_queue
from tests.browser.visitors import Visitors
from tests.factories import make_leader, make_node, make_queue, make_task

pytestmark = pytest.mark.django_db(transaction=True)

PageOf = Callable[..., Any]
_QUICK_MS = 10_000
_LONG = timedelta(minutes=10)  # workers stay, however slow the machine is
# The clock of the page can be set forward: seconds pass without waiting for them.
_AHEAD = """
const realNow = performance.now.bind(performance);
let ahead = 0;
performance.now = () => realNow() + ahead;
globalThis.goAhead = (milliseconds) => { ahead += milliseconds; };
"""
_TIMES = "[...document.querySelectorAll('[data-as-of] > time')].map((each) => each.dateTime)"
_COLOUR = "(selector) => getComputedStyle(document.querySelector(selector)).color"


def open_page(page: Any, task: Task) -> Any:
    """The sentence on the page of the task, once the page is live."""
    page.goto(reverse("admin:tasks_app_task_change", args=[task.id]))
    expect(page.locator("#live-status")).to_have_text("Live")
    return page.locator("[data-sentence]")


def change(task: Task, **changes: Any) -> None:
    queue = task.queue.name
    change_queue(workspace_id=task.workspace_id, name=queue, actor=SYSTEM, changes=changes)


@pytest.mark.parametrize("state", ["PENDING", "SCHEDULED"])
def test_it_follows_the_pause_of_its_queue(page_of: PageOf, state: str) -> None:
    make_leader("dispatcher", seconds=600)
    make_node(heartbeat_at=now() + _LONG)
    task = make_task(state, name="waits", queue="billing")
    page = page_of("viewer")
    sentence = open_page(page, task)
    page.wait_for_timeout(1_500)  # for the first answers
    page.evaluate("window.isSamePage = true")
    assert "was paused" not in sentence.inner_text()
    change(task, paused=True, reason="The gateway is down")
    expect(sentence).to_contain_text("Queue billing was paused", timeout=_QUICK_MS)
    expect(sentence).to_contain_text("The gateway is down")
    change(task, paused=False)
    expect(sentence).not_to_contain_text("was paused", timeout=_QUICK_MS)
    assert page.evaluate("window.isSamePage")


@pytest.mark.ci
def test_it_follows_the_tasks_before_it(page_of: PageOf) -> None:
    make_node(heartbeat_at=now() + _LONG)
    make_task(name="first", queue="billing")
    task = make_task(name="second", queue="billing")
    sentence = open_page(page_of("viewer"), task)
    expect(sentence).to_contain_text("1 task of queue billing comes first")
    make_task(name="urgent", queue="billing", priority=50)
    expect(sentence).to_contain_text("2 tasks of queue billing come first", timeout=_QUICK_MS)


def test_it_notices_a_worker(page_of: PageOf) -> None:
    task = make_task(name="waits", queue="billing")
    sentence = open_page(page_of("viewer"), task)
    expect(sentence).to_contain_text("No live worker takes work of queue billing")
    make_node(heartbeat_at=now() + _LONG)
    expect(sentence).to_contain_text("It is the next of queue billing", timeout=20_000)


@pytest.mark.ci
def test_it_shows_its_age(page_of: PageOf) -> None:
    make_queue("billing", paused_at=now())
    task = make_task(name="waits", queue="billing")
    page = page_of("viewer")
    open_page(page, task)
    age = page.locator("[data-as-of] > time").last
    expect(age).to_have_text(re.compile(r"^\d+ s ago$"))
    clock, ago = page.evaluate(_TIMES)
    assert clock == ago


def test_it_turns_grey_while_it_cannot_be_asked_for(page_of: PageOf, visitors: Visitors) -> None:
    task = make_task(name="waits", queue="billing")
    page = page_of("viewer")
    page.add_init_script(_AHEAD)
    sentence = open_page(page, task)
    page.wait_for_timeout(1_500)  # for the first answers
    grey = re.compile(r"\bis-stale\b")
    expect(sentence).not_to_have_class(grey)
    visitors.guard.allowed.append("the server responded with a status of 503")
    page.route("**/changes/**", lambda route: route.fulfill(status=503, body=""))
    page.evaluate("goAhead(31000)")
    expect(sentence).to_have_class(grey)
    faint = page.evaluate(_COLOUR, ".panel-note")
    assert page.evaluate(_COLOUR, "[data-sentence] b") == faint
    page.unroute_all()
    expect(sentence).not_to_have_class(grey, timeout=_QUICK_MS)


def test_nothing_is_asked_for_a_task_that_has_ended(page_of: PageOf) -> None:
    task = make_task("COMPLETED", name="paid", queue="billing")
    page = page_of("viewer")
    page.add_init_script(_AHEAD)
    sentence = open_page(page, task)
    page.wait_for_timeout(1_500)  # for the first answers
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.evaluate("goAhead(31000)")
    change(task, paused=True)
    page.wait_for_timeout(3_000)
    assert not [url for url in asked if "/changes/" in url]
    expect(sentence).not_to_have_class(re.compile(r"\bis-stale\b"))
