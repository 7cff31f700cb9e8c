"""Bulk operations in a browser: from the selection in a list to the outcome of each item."""

from collections.abc import Callable
from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from controlplane.ops.operations.models import Operation
from controlplane.ops.schedules.models import Schedule
from tasks_app.models import Task
from tests.browser.looks import LOOKS, look
from tests.factories import make_job, make_letter, make_queue, make_task, make_tasks
from tests.operations import drive, drive_to_end, run, start

pytestmark = pytest.mark.django_db(transaction=True)

PageOf = Callable[..., Any]


def page_url(operation: Operation) -> str:
    return reverse("admin:operations_operation_change", args=[operation.id])


@pytest.mark.parametrize(("theme", "width"), LOOKS)
def test_the_pages_look_right_at_every_stage(page_of: PageOf, theme: str, width: int) -> None:
    make_tasks(430, name="Charge order 48391", type="charge-card")
    make_tasks(12, "RUNNING", name="Capture payment", type="charge-card")
    page = page_of("operator", theme, width)
    page.goto(reverse("admin:operations_operation_changelist"))
    look(page, f"operations-empty-{width}-{theme}")
    page.goto(f"{reverse('admin:operations_operation_new')}?target=tasks&all=1")
    look(page, f"operation-choose-{width}-{theme}")
    page.locator("#action").select_option("cancel")
    page.get_by_role("button", name="Preview").click()
    page.get_by_role("heading", name="Cancel 442 tasks?").wait_for()
    look(page, f"operation-preview-{width}-{theme}")

    done = run("tasks", "reprioritize", wanted={"type": "charge-card"}, options={"priority": 20})
    page.goto(page_url(done))
    look(page, f"operation-done-{width}-{theme}")
    going = drive(start("tasks", "cancel", wanted={"type": "charge-card"}), passes=2)
    page.goto(page_url(going))
    look(page, f"operation-running-{width}-{theme}")
    page.goto(f"{page_url(done)}?outcome=REFUSED")
    look(page, f"operation-refused-{width}-{theme}")
    page.goto(reverse("admin:operations_operation_changelist"))
    look(page, f"operations-{width}-{theme}")


@pytest.mark.ci
def test_all_tasks_that_match_are_cancelled_and_the_page_follows(page_of: PageOf) -> None:
    make_tasks(450, name="an order")
    page = page_of("operator")
    page.goto(f"{reverse('admin:tasks_app_task_changelist')}?type=noop")
    page.keyboard.press("j")
    page.keyboard.press("x")
    bar = page.locator("[data-selection]")
    bar.get_by_label("450 that match").check()
    bar.get_by_role("button", name="Bulk operation").click()
    page.locator("#action").select_option("cancel")
    page.get_by_role("button", name="Preview").click()
    page.get_by_role("heading", name="Cancel 450 tasks?").wait_for()
    assert "450 waiting tasks will end at once" in page.locator("main").inner_text()
    assert "and 440 more" in page.locator(".dialog-list").inner_text()
    page.get_by_role("button", name="Cancel 450 tasks").click()
    page.get_by_text("Give a reason: it cannot be undone.").wait_for()
    page.get_by_label("Reason").fill("The order was withdrawn.")
    page.get_by_role("button", name="Cancel 450 tasks").click()
    page.wait_for_url("**/change/")
    operation = Operation.objects.get()
    assert operation.reason == "The order was withdrawn."

    drive(operation)
    page.locator(".tag", has_text="Running").wait_for()
    drive(operation)
    page.locator(".progress-line", has_text="200 of 450 done").wait_for()
    drive_to_end(operation)
    page.locator(".tag", has_text="Completed").wait_for()
    page.get_by_role("link", name="Changed 450").click()
    expect(page.locator("tbody tr")).to_have_count(50)
    page.get_by_role("link", name="Next").click()
    page.locator("tbody tr").first.get_by_text("51", exact=True).wait_for()


def test_a_set_that_changes_while_it_is_looked_at_is_shown_again(page_of: PageOf) -> None:
    make_tasks(3)
    page = page_of("operator")
    page.goto(f"{reverse('admin:operations_operation_new')}?target=tasks&action=cancel&all=1")
    page.get_by_label("Reason").fill("Not needed.")
    make_task()
    page.get_by_role("button", name="Cancel 3 tasks").click()
    page.get_by_text("3 matched then, 4 now.").wait_for()
    assert Operation.objects.count() == 0
    assert page.get_by_label("Reason").input_value() == "Not needed."
    look(page, "operation-drift-1440-light")
    page.get_by_role("button", name="Cancel 4 tasks").click()
    page.wait_for_url("**/change/")
    assert Operation.objects.get().matched == 4


def test_it_is_paused_resumed_and_cancelled_on_its_page(page_of: PageOf) -> None:
    make_tasks(450)
    operation = drive(start("tasks", "cancel", is_all=True), passes=2)
    page = page_of("operator")
    page.goto(page_url(operation))
    page.get_by_role("button", name="Pause", exact=True).click()
    page.locator(".tag", has_text="Paused").wait_for()
    look(page, "operation-paused-1440-light")
    page.get_by_role("button", name="Resume").click()
    page.locator(".tag", has_text="Running").wait_for()
    page.get_by_role("button", name="Cancel").click()
    page.locator("dialog").get_by_role("button", name="Cancel").click()
    page.locator(".tag", has_text="Cancelled").wait_for()
    assert "250 items left as they were" in page.locator("main").inner_text()
    assert Task.objects.filter(state="CANCELLED").count() == 200
    look(page, "operation-cancelled-1440-light")
    page.get_by_role("link", name="Continue with the 250 items left…").click()
    page.get_by_role("heading", name="Cancel 250 tasks?").wait_for()
    page.get_by_label("Reason").fill("After all.")
    page.get_by_role("button", name="Cancel 250 tasks").click()
    page.wait_for_url("**/change/")
    drive_to_end(Operation.objects.latest("id"))
    assert Task.objects.filter(state="CANCELLED").count() == 450


@pytest.mark.ci
def test_paused_schedules_are_resumed_exactly_by_undo(page_of: PageOf) -> None:
    for name in ("a", "b", "c"):
        make_job(name)
    make_job("off", enabled=False)
    page = page_of("operator")
    page.goto(reverse("admin:schedules_schedule_changelist"))
    page.locator("#action-toggle").check()
    page.locator("select[name=action]").select_option("bulk")
    page.get_by_role("button", name="Go").click()
    page.locator("#action").select_option("pause")
    page.get_by_role("button", name="Preview").click()
    page.get_by_role("button", name="Pause 4 schedules").click()
    page.wait_for_url("**/change/")
    drive_to_end(Operation.objects.get())
    page.locator(".tag", has_text="Completed").wait_for()
    page.get_by_role("link", name="Undo: resume exactly 3 schedules").click()
    page.get_by_role("button", name="Resume 3 schedules").click()
    page.wait_for_url("**/change/")
    drive_to_end(Operation.objects.latest("id"))

    enabled = Schedule.objects.filter(periodic_task__enabled=True)
    assert set(enabled.values_list("name", flat=True)) == {"a", "b", "c"}


def test_letters_and_queues_lead_to_the_question(page_of: PageOf) -> None:
    make_letter()
    make_queue("mail")
    page = page_of("operator")
    page.goto(reverse("admin:dlq_deadletter_changelist"))
    page.locator("#action-toggle").check()
    page.locator("select[name=action]").select_option("bulk")
    page.get_by_role("button", name="Go").click()
    page.locator("#action").select_option("discard")
    page.get_by_role("button", name="Preview").click()
    page.get_by_role("heading", name="Discard 1 dead letter?").wait_for()

    page.goto(reverse("admin:tasks_app_queue_changelist"))
    page.get_by_label("Select mail").check()
    page.get_by_role("button", name="Bulk operation").click()
    page.locator("#action").select_option("pause")
    page.get_by_role("button", name="Preview").click()
    page.get_by_role("heading", name="Pause 1 queue?").wait_for()


@pytest.mark.ci
def test_the_list_and_the_sidebar_follow(page_of: PageOf) -> None:
    make_tasks(450)
    operation = start("tasks", "cancel", is_all=True)
    page = page_of("operator")
    page.goto(reverse("admin:operations_operation_changelist"))
    count = page.locator(".navigation [data-count='operations']")
    count.get_by_text("1", exact=True).wait_for()
    drive(operation, passes=2)
    row = page.locator(f"[data-row$='{operation.id}']")
    row.get_by_text("Running").wait_for()
    row.locator("[data-live='#outcomes/changed']", has_text="200").wait_for()
    drive_to_end(operation)
    row.get_by_text("Completed").wait_for()
    count.wait_for(state="hidden")
    start("tasks", "retry", wanted={"status": ["CANCELLED"]})
    page.get_by_text("1 new, show").click()
    page.get_by_role("link", name="Retry 450 tasks").wait_for()


def test_a_pause_is_undone_by_a_key(page_of: PageOf) -> None:
    queue = make_queue("mail")
    page = page_of("operator")
    page.goto(reverse("admin:tasks_app_queue_changelist"))
    page.get_by_label("Select mail").check()
    page.get_by_role("button", name="Pause", exact=True).click()
    reason = page.get_by_label("Reason of the pause")
    assert reason.evaluate("input => input.validity.valueMissing")
    reason.fill("The gateway is down")
    page.get_by_role("button", name="Pause", exact=True).click()
    page.get_by_text("1 of 1 queue paused.").wait_for()
    queue.refresh_from_db()
    assert queue.paused_at is not None
    look(page, "undo-1440-light")
    page.keyboard.press("z")
    page.get_by_text("Undone for 1 queue.").wait_for()
    queue.refresh_from_db()
    assert queue.paused_at is None


@pytest.mark.ci
def test_a_viewer_sees_it_and_changes_nothing(page_of: PageOf) -> None:
    make_tasks(3)
    operation = drive(start("tasks", "cancel", is_all=True))
    page = page_of("viewer")
    page.goto(page_url(operation))
    assert page.locator(".page-head").get_by_role("button").count() == 0
    page.goto(reverse("admin:tasks_app_task_changelist"))
    assert page.locator("[data-selection]").count() == 0
