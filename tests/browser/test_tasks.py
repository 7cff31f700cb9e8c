"""The list of tasks and the page of one in a browser: live, by keyboard, on a phone."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from controlplane.workspaces.actors import SYSTEM
from tasks_app.models import Task
from tasks_app.services import retry_task
from tests.clients import key_client
from tests.factories import (
    make_attempt,
    make_declaration,
    make_log,
    make_logs,
    make_node,
    make_task,
)
from tests.manual_worker import claim_here, run_task

pytestmark = pytest.mark.django_db(transaction=True)

TASKS = "/admin/tasks_app/task/"
PageOf = Callable[..., Any]
_QUICK_MS = 10_000


def submit(name: str) -> str:
    """By the API, as a client does."""
    answer = key_client().post("/tasks", {"type": "noop", "name": name})
    assert answer.status_code == 201
    return str(answer.json()["id"])


def test_a_submitted_task_appears_and_completes_without_a_reload(page_of: PageOf) -> None:
    make_task("COMPLETED", name="an old one")
    page = page_of("operator")
    page.goto(TASKS)
    page.evaluate("window.isSamePage = true")
    row = page.locator("tr[data-task-row]", has_text="an old one")
    before = row.bounding_box()
    task_id = submit("brand new")
    link = page.locator("[data-new-rows]")
    link.wait_for(state="visible", timeout=_QUICK_MS)
    assert "1 new, show" in link.inner_text()
    assert page.locator("tr[data-task-row]").count() == 1  # nothing moves by itself
    assert row.bounding_box()["x"] == before["x"]
    assert page.evaluate("window.isSamePage")
    link.click()
    fresh = page.locator(f"tr[data-task-row='{task_id}']")
    fresh.wait_for()
    page.evaluate("window.isSamePage = true")
    run_task(Task.objects.get(name="brand new").id)
    fresh.locator(".state-word", has_text="Completed").wait_for(timeout=_QUICK_MS)
    assert page.evaluate("window.isSamePage")


def test_the_page_of_a_task_follows_it(page_of: PageOf) -> None:
    task = make_task(name="followed")
    page = page_of("operator")
    page.goto(f"{TASKS}{task.id}/change/")
    page.evaluate("window.isSamePage = true")
    assert page.get_by_role("link", name="Cancel…").is_visible()
    claim_here(make_node("vm#1").id)
    word = page.locator("[data-state-word]")
    word.filter(has_text="Running").wait_for(timeout=_QUICK_MS)
    make_log(task, "a line that came later")
    page.get_by_text("a line that came later").wait_for(timeout=_QUICK_MS)
    error = {"class": "Broken", "message": "<b>no</b>", "traceback": "", "category": "CODE"}
    run_task(task.id, error)
    word.filter(has_text="Failed").wait_for(timeout=_QUICK_MS)
    page.locator("[data-attempts]", has_text="Broken: <b>no</b>").wait_for(timeout=_QUICK_MS)
    page.get_by_role("link", name="Retry…", exact=True).wait_for()
    assert not page.get_by_role("link", name="Cancel…").is_visible()
    page.locator("[data-links]", has_text="dead letter").wait_for(timeout=_QUICK_MS)
    assert page.evaluate("window.isSamePage")


def test_parents_and_children_of_a_task_follow_too(page_of: PageOf) -> None:
    for name, seconds in (("new#1", 30), ("old#1", 60)):
        make_declaration("noop", [make_node(name)], timeoutSeconds=seconds)
    first, second = make_task(name="extract"), make_task(name="check")
    task = make_task("BLOCKED", name="load", parents=[first, second])
    page = page_of("operator")
    page.goto(f"{TASKS}{task.id}/change/")
    page.evaluate("window.isSamePage = true")
    row = page.locator(f"tr[data-neighbour='{first.id}']")
    assert "Pending" in row.inner_text()
    run_task(first.id)
    row.locator(".state-word", has_text="Completed").wait_for(timeout=_QUICK_MS)
    assert row.locator("[data-wait]").inner_text() == "over"
    assert row.locator(".state svg").get_attribute("class") == "shape tone-completed"
    assert row.locator("[data-finished] time").get_attribute("datetime")
    other = page.locator(f"tr[data-neighbour='{second.id}']")
    assert "Pending" in other.inner_text()
    assert other.locator("[data-wait]").inner_text() == "open"
    child = make_task("BLOCKED", name="report", parents=[task])
    came = page.locator(f"[data-family=children] tr[data-neighbour='{child.id}']")
    came.wait_for()
    assert page.locator("[data-family=children] [data-total]").inner_text() == "1 task"
    assert page.evaluate("window.isSamePage")
    kind = came.locator("td").nth(2)
    drawn = kind.inner_text()
    assert "disagree:" in drawn
    page.reload()
    assert kind.inner_text() == drawn


def test_what_has_ended_is_followed_when_it_runs_again(page_of: PageOf) -> None:
    """In the list of failed tasks, and on the page of a completed one, whose result then goes."""
    failed, completed = make_task("FAILED", name="again"), make_task("COMPLETED", result={"n": 7})
    page, other = page_of("operator"), page_of("operator")
    page.goto(f"{TASKS}?status=FAILED")
    other.goto(f"{TASKS}{completed.id}/change/")
    other.locator("#result-text", has_text="7").wait_for()
    for task in (failed, completed):
        retry_task(workspace_id=task.workspace_id, task_id=task.id, actor=SYSTEM)
    row = page.locator(f"tr[data-task-row='{failed.id}']")
    row.locator(".state-word", has_text="Pending").wait_for(timeout=_QUICK_MS)
    other.locator("[data-result]", has_text="None yet.").wait_for(timeout=_QUICK_MS)
    assert other.locator("#result-text").count() == 0


def test_what_had_the_focus_is_drawn_later(page_of: PageOf) -> None:
    task = make_task(name="followed")
    page = page_of("operator")
    page.goto(f"{TASKS}{task.id}/change/")
    page.locator("[data-facts] a").first.focus()
    run_task(task.id)
    page.locator("[data-state-word]", has_text="Completed").wait_for(timeout=_QUICK_MS)
    facts = page.locator("[data-facts]")
    assert "Started" not in facts.inner_text()
    page.locator("h1").click()
    page.evaluate("document.activeElement.blur()")
    facts.filter(has_text="Started").wait_for(timeout=_QUICK_MS)


def test_the_keys_walk_select_and_open(page_of: PageOf) -> None:
    for name in ("first", "second", "third"):
        make_task("FAILED", name=name)
    page = page_of("operator")
    page.goto(TASKS)
    bar = page.locator("[data-selection]")
    assert not bar.is_visible()
    for key in ("j", "j", "x"):
        page.keyboard.press(key)
    assert "1 selected" in bar.inner_text()
    assert page.locator("tr[data-task-row]", has_text="second").locator("input").is_checked()
    page.keyboard.press("k")
    page.keyboard.press("x")
    assert "2 selected" in bar.inner_text()
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/change/$"))
    assert page.locator("h1").inner_text().startswith("third")


def test_the_help_names_the_keys_that_the_page_has(page_of: PageOf) -> None:
    make_task("FAILED", name="first")
    page = page_of("operator")
    page.goto(TASKS)
    page.keyboard.press("?")
    shown = page.locator("dialog[open]").inner_text()
    for text in (
        "Next row",
        "Previous row",
        "Open the row",
        "Select the row",
        "Close the open menu",
    ):
        assert text in shown, text
    assert shown.count("Close the open menu") == 1
    page.keyboard.press("Escape")
    page.goto("/admin/scaling/pool/")
    page.keyboard.press("?")
    assert "Select the row" not in page.locator("dialog[open]").inner_text()


def test_older_log_lines_come_into_the_list(page_of: PageOf) -> None:
    task = make_task("COMPLETED", attempt=1)
    for number in range(1, 131):
        make_log(task, f"line {number}")
    page = page_of("viewer")
    page.goto(f"{TASKS}{task.id}/change/")
    lines = page.locator("[data-log-lines] > li")
    assert lines.count() == 100
    page.get_by_role("link", name="Older lines").click()
    page.get_by_text("line 1", exact=True).wait_for()
    assert lines.count() == 130
    assert not page.get_by_role("link", name="Older lines").is_visible()


def test_lines_that_are_missing_between_others_are_named(page_of: PageOf) -> None:
    """More lines came at once than an answer has."""
    task = make_task("RUNNING")
    make_logs(task, range(1, 151))
    page = page_of("viewer")
    page.goto(f"{TASKS}{task.id}/change/")
    lines, gap = page.locator("[data-log-lines] > li"), page.locator(".log-gap")
    page.get_by_role("link", name="Older lines").click()
    expect(lines).to_have_count(150)
    make_logs(task, range(151, 271))
    expect(gap).to_have_text("20 lines are missing here: lines 151 to 170", timeout=_QUICK_MS)
    assert lines.count() == 251
    gap.get_by_role("link").click()
    expect(page.locator("h2", has_text="71 to 170")).to_be_visible()


def test_a_list_of_log_lines_that_stays_open_is_bounded(page_of: PageOf) -> None:
    task = make_task("RUNNING")
    make_logs(task, range(1, 1_151))
    page = page_of("viewer")
    page.goto(f"{TASKS}{task.id}/change/")
    lines, words = page.locator("[data-log-lines] > li"), page.locator("[data-older-words]")
    older = page.get_by_role("link", name="Older lines")
    for number in range(2, 11):
        older.click()
        expect(lines).to_have_count(100 * number)
    expect(words).to_have_text("Lines 1 to 150 are not in this list, which keeps 1,000.")
    make_logs(task, range(1_151, 1_181))
    expect(lines).to_have_count(930, timeout=_QUICK_MS)
    expect(words).to_have_text("Lines 1 to 250 are not in this list, which keeps 1,000.")
    assert page.locator(".log-gap").count() == 0
    older.click()
    expect(page.locator("h2", has_text="151 to 250")).to_be_visible()


def test_a_retry_asks_and_stays_on_the_page(page_of: PageOf) -> None:
    task = make_task("COMPLETED", name="paid")
    page = page_of("operator")
    address = f"{TASKS}{task.id}/change/"
    page.goto(address)
    page.get_by_role("link", name="Retry…", exact=True).click()
    dialog = page.locator("dialog[open]")
    assert "a second time" in dialog.inner_text()
    dialog.get_by_role("button", name="Back").click()
    assert Task.objects.get().state == "COMPLETED"
    page.get_by_role("link", name="Retry…", exact=True).click()
    dialog.get_by_role("button", name="Run it again").click()
    page.locator(".toast .success").wait_for()
    assert page.url.endswith(address)
    assert Task.objects.get().state == "PENDING"


def test_a_question_is_about_the_state_of_now(page_of: PageOf) -> None:
    """What failed when the page was drawn has completed since, and the other way round."""
    task, error = make_task(name="paid"), {"class": "Broken", "message": "", "category": "CODE"}
    run_task(task.id, error)
    page, word = page_of("operator"), "[data-state-word]"
    address = f"{TASKS}{task.id}/change/"
    page.goto(address)
    page.get_by_role("link", name="Retry…", exact=True).click()
    dialog = page.locator("dialog[open]")
    assert "A new round of attempts" in dialog.inner_text()
    run_again(task)
    page.locator(word, has_text="Completed").wait_for(timeout=_QUICK_MS)
    dialog.get_by_role("button", name="Retry", exact=True).click()
    page.get_by_text("Nothing was changed yet: the task is completed now.").wait_for()
    assert "a second time" in page.locator(".question").inner_text()
    assert Task.objects.get().state == "COMPLETED"

    page.goto(address)
    run_again(task, error)
    page.locator(word, has_text="Failed").wait_for(timeout=_QUICK_MS)
    page.get_by_role("link", name="Retry…", exact=True).click()
    page.wait_for_url("**action=retry**")
    assert "A new round of attempts" in page.locator(".question").inner_text()


def run_again(task: Task, error: dict[str, Any] | None = None) -> None:
    retry_task(workspace_id=task.workspace_id, task_id=task.id, actor=SYSTEM)
    run_task(task.id, error)


def test_a_viewer_sees_and_cannot_act(page_of: PageOf) -> None:
    task = make_task("FAILED", name="seen")
    page = page_of("viewer")
    page.goto(TASKS)
    assert page.get_by_role("link", name="seen").is_visible()
    assert page.locator("input[type=checkbox][name=_selected_action]").count() == 0
    assert page.locator("[data-selection]").count() == 0
    assert page.get_by_role("link", name="New task").count() == 0
    page.goto(f"{TASKS}{task.id}/change/")
    assert page.get_by_role("link", name="Retry…", exact=True).count() == 0
    assert page.get_by_role("link", name="Clone").count() == 0


@pytest.mark.parametrize("address", ["list", "task", "form"])
def test_nothing_scrolls_sideways_on_a_phone(page_of: PageOf, address: str) -> None:
    word = "W" * 150
    task = make_task("FAILED", name=word, queue="q" * 90, tags=[word[:90]], payload={word: word})
    error = {
        "class": word,
        "message": word,
        "traceback": f'File "{word}", line 1',
        "category": "CODE",
    }
    make_attempt(task, outcome="FAILED", error=error)
    make_log(task, word * 3)
    page = page_of("operator", "light", 390)
    paths = {
        "list": TASKS,
        "task": f"{TASKS}{task.id}/change/",
        "form": f"{TASKS}submit/?type=http-request",
    }
    page.goto(paths[address])
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_task_is_submitted_by_the_form_of_its_type(page_of: PageOf) -> None:
    page = page_of("operator")
    page.goto(TASKS)
    page.get_by_role("link", name="New task").first.click()
    page.get_by_role("link", name=re.compile("^http-request")).click()
    page.get_by_label("Url").fill("not an address")
    page.get_by_label("Name").fill("by hand")
    # The app remembers the ids of queues, also of those that earlier tests had and removed.
    page.get_by_label("Queue", exact=True).fill("made-by-hand")
    page.get_by_role("button", name="Submit the task").click()
    assert page.locator(".errorlist").inner_text() != ""
    expect(page.get_by_label("Url")).to_be_focused()
    expect(page.get_by_label("Url")).to_have_attribute("aria-invalid", "true")
    assert Task.objects.count() == 0
    page.get_by_label("Url").fill("https://example.org/")
    page.get_by_role("button", name="Submit the task").click()
    page.locator("h1", has_text="by hand").wait_for()
    assert Task.objects.get().payload == {"url": "https://example.org/"}
