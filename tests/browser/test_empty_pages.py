"""Pages that begin empty come to life with the first row, without a reload."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from controlplane.core.clock import now
from tests.factories import make_node, make_operation, make_queue, make_task
from tests.manual_worker import run_task

pytestmark = pytest.mark.django_db(transaction=True)

TASKS = "/admin/tasks_app/task/"
ERROR = {"class": "Broken", "message": "no", "traceback": "", "category": "CODE"}
PageOf = Callable[..., Any]


def open_page(page_of: PageOf, address: str, role: str = "viewer") -> Any:
    """A page whose figures have arrived, so that what comes next is a change."""
    page = page_of(role)
    page.goto(address)
    expect(page.locator("#live-status")).to_have_text("Live")
    return page


@pytest.mark.ci
def test_the_first_steps_become_the_overview(page_of: PageOf) -> None:
    page = open_page(page_of, "/admin/")
    expect(page.get_by_role("heading", name="Nothing has run here yet")).to_be_visible()
    search = page.get_by_label("Search tasks").first
    search.focus()
    make_task()
    page.wait_for_timeout(2_500)
    expect(search).to_be_focused()  # nobody is interrupted
    search.blur()
    expect(page.locator("#panel-situation")).to_be_visible()


def test_an_empty_list_of_tasks_offers_what_comes(page_of: PageOf) -> None:
    task = make_task(name="Charge order 17")  # older than the page, and matches later
    page = open_page(page_of, f"{TASKS}?status=FAILED")
    expect(page.get_by_text("No task matches these filters.")).to_be_visible()
    make_task(name="not failed")
    run_task(task.id, ERROR)
    link = page.locator("[data-new-rows]")
    expect(link).to_have_text("1 new, show")
    expect(page.locator("[data-state-tab='FAILED'] b")).to_have_text("1", timeout=20_000)
    link.click()
    expect(page.locator("tr[data-task-row]")).to_have_count(1)


def test_a_list_without_any_task_offers_the_first(page_of: PageOf) -> None:
    page = open_page(page_of, TASKS)
    expect(page.get_by_text("There are no tasks yet.")).to_be_visible()
    make_task()
    expect(page.locator("[data-new-rows]")).to_have_text("1 new, show")


@pytest.mark.parametrize(
    ("address", "label", "make"),
    [
        ("/admin/tasks_app/queue/", "#new-queues", lambda: make_queue("emails")),
        ("/admin/workers/node/", "#new-nodes", lambda: make_node(heartbeat_at=now())),
        ("/admin/operations/operation/", "#new-operations", make_operation),
    ],
)
def test_an_empty_list_counts_the_first_row(
    page_of: PageOf, address: str, label: str, make: Callable[[], Any]
) -> None:
    page = open_page(page_of, address, "superuser")
    assert page.locator("tr[data-row]").count() == 0
    make()
    link = page.locator(label)
    expect(link).to_have_text("1 new, show")
    link.click()
    expect(page.locator("tr[data-row]")).to_have_count(1)
