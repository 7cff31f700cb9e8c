"""What the pages of queues, workers and performance do in a browser."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from controlplane.core.clock import now
from controlplane.workspaces.actors import SYSTEM
from tasks_app.services import change_queue
from tests.clients import default_workspace
from tests.factories import (
    make_node,
    make_queue,
    make_rollup,
    make_scaling_event,
    make_tasks,
    set_pool,
)
from workers.models import Node

pytestmark = [pytest.mark.django_db(transaction=True)]

PageOf = Callable[..., Any]


def chosen_span(page: Any) -> tuple[str, str]:
    found = parse_qs(urlsplit(page.url).query)
    return found["from"][0], found["to"][0]


def press(page: Any, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def test_a_span_is_selected_by_dragging(page_of: PageOf) -> None:
    make_rollup(20, completed=60)
    page = page_of("viewer")
    page.goto(reverse("admin:performance"))
    plot = page.locator(".span-choice .chart-plot").first
    box = plot.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.75, box["y"] + 60)
    assert page.locator(".chart-selection").count() == 1
    page.mouse.up()
    page.wait_for_url("**from=**")
    begin, end = chosen_span(page)
    assert begin < end
    assert page.locator(".segments [aria-current]").count() == 0


def test_a_span_is_selected_by_keys(page_of: PageOf) -> None:
    make_rollup(20, completed=60)
    page = page_of("viewer")
    page.goto(reverse("admin:performance"))
    shown = datetime.fromisoformat(page.locator("#charts").get_attribute("data-from"))
    begin, end = shown + timedelta(minutes=12), shown + timedelta(minutes=24)
    spoken, cursor = page.locator("#announcer"), page.locator(".chart-cursor")
    page.locator(".span-choice").nth(1).focus()
    press(page, "ArrowLeft")
    assert "no figures yet" in spoken.text_content()
    press(page, "Home", *["ArrowRight"] * 13, "ArrowLeft")
    assert f"{begin:%Y-%m-%d %H:%M} UTC, Submitted" in spoken.text_content()
    assert (cursor.count(), page.locator(".chart-selection").count()) == (1, 0)
    press(page, *["Shift+ArrowRight"] * 13, "Shift+ArrowLeft")
    words = f"Selected {begin:%Y-%m-%d %H:%M} UTC to {end:%Y-%m-%d %H:%M} UTC"
    assert words in spoken.text_content()
    assert words in page.locator(".chart-cursor-words").text_content()
    press(page, "Escape")
    assert (cursor.count(), page.locator(".chart-selection").count()) == (0, 0)
    press(page, "Home", *["ArrowRight"] * 12, *["Shift+ArrowRight"] * 12, "Enter")
    page.wait_for_url("**from=**")
    assert [datetime.fromisoformat(each) for each in chosen_span(page)] == [begin, end]


def test_the_help_of_keys_has_those_of_charts(page_of: PageOf) -> None:
    page = page_of("viewer")
    page.goto(reverse("admin:performance"))
    page.keyboard.press("?")
    for words in ("Move the cursor of the chart", "Select from the cursor", "Show the selected"):
        expect(page.locator("dialog .keys")).to_contain_text(words)


def test_a_queue_is_paused_and_resumed_on_its_page(page_of: PageOf) -> None:
    queue = make_queue("billing", default_workspace())
    make_tasks(3, queue="billing")
    make_node()
    page = page_of("operator")
    page.goto(reverse("admin:tasks_app_queue_change", args=[queue.pk]))
    page.get_by_label("Reason, shown to everybody").fill("The gateway is down")
    page.get_by_role("button", name="Pause billing").click()
    page.get_by_text("It is paused by").wait_for()
    assert page.get_by_text("The gateway is down").count() == 1
    page.get_by_role("button", name="Resume").click()
    page.get_by_role("button", name="Pause billing").wait_for()


def test_the_page_of_a_queue_follows_a_pause_by_somebody_else(page_of: PageOf) -> None:
    queue = make_queue("billing", default_workspace())
    page = page_of("operator")
    page.goto(reverse("admin:tasks_app_queue_change", args=[queue.pk]))
    page.get_by_role("link", name="Pause…").wait_for()
    change_queue(
        workspace_id=queue.workspace_id, name="billing", actor=SYSTEM,
        changes={"paused": True, "reason": "The gateway is down"},
    )  # fmt: skip
    page.get_by_text("The gateway is down").wait_for()
    page.get_by_role("button", name="Resume").wait_for()


def test_what_was_typed_is_not_lost_by_a_reload(page_of: PageOf) -> None:
    queue = make_queue("billing", default_workspace())
    page = page_of("operator")
    page.goto(reverse("admin:tasks_app_queue_change", args=[queue.pk]))
    page.get_by_label("Reason, shown to everybody").fill("The gateway is down")
    page.locator("h1").click()
    change_queue(
        workspace_id=queue.workspace_id, name="billing", actor=SYSTEM, changes={"paused": True}
    )
    page.wait_for_timeout(7_000)  # longer than until the page would load itself again
    assert page.get_by_label("Reason, shown to everybody").input_value() == "The gateway is down"


def test_the_page_of_scaling_follows_a_decision(page_of: PageOf) -> None:
    set_pool(target=2, ready=2)
    page = page_of("viewer")
    page.goto(reverse("admin:scaling_pool_changelist"))
    page.locator("h1", has_text="Scaling").wait_for()
    set_pool(target=5, ready=2)
    make_scaling_event(ago=0, from_workers=2, to_workers=5, sentence="2 → 5 workers. For a test.")
    page.get_by_text("For a test.").first.wait_for()


def test_the_bar_of_a_selection_comes_with_the_first_mark(page_of: PageOf) -> None:
    make_queue("billing", default_workspace())
    page = page_of("operator")
    page.goto(reverse("admin:tasks_app_queue_changelist"))
    bar = page.locator(".selection-bar")
    assert not bar.is_visible()
    page.get_by_label("Select billing").check()
    assert bar.is_visible()


def test_the_figures_of_a_queue_follow_the_work(page_of: PageOf) -> None:
    queue = make_queue("billing", default_workspace())
    make_tasks(3, queue="billing")
    page = page_of("viewer")
    page.goto(reverse("admin:tasks_app_queue_changelist"))
    waiting = page.locator("[data-row] [data-live='#depth']")
    assert waiting.text_content() == "3"
    make_tasks(2, queue="billing")
    page.locator("[data-row] [data-live='#depth']", has_text="5").wait_for()
    page.goto(reverse("admin:tasks_app_queue_change", args=[queue.pk]))
    make_tasks(1, queue="billing")
    page.locator(".figure [data-live='#depth']", has_text="6").wait_for()


def test_an_open_list_of_queues_says_when_the_last_worker_of_one_has_ended(
    page_of: PageOf,
) -> None:
    make_queue("billing", default_workspace())
    make_tasks(3, queue="billing")
    later = now() + timedelta(minutes=10)
    node = make_node(queues=["billing"], heartbeat_at=later)
    page = page_of("viewer")
    page.goto(reverse("admin:tasks_app_queue_changelist"))
    word = page.locator("[data-row] [data-word]")
    expect(word).to_have_text("In order")
    Node.objects.filter(pk=node.pk).update(state="STOPPED", stopped_at=now())
    expect(word).to_have_text("No worker serves it")
    expect(page.locator("[data-row] .shape-place use[href$='#state-failed']")).to_have_count(1)
    make_node("another", queues=["billing"], heartbeat_at=later)
    expect(word).to_have_text("In order")


def test_the_page_of_a_worker_says_when_its_slots_were_so_and_follows_its_state(
    page_of: PageOf,
) -> None:
    slots = [{"slot": 7, "running": 1, "taskId": None, "startedAt": None}]
    node = make_node(heartbeat_at=now(), concurrency=2, running=1, slots=slots)
    page = page_of("superuser")
    page.goto(reverse("admin:workers_node_change", args=[node.pk]))
    expect(page.locator("#live-status")).to_have_text("Live")
    beat = f"as of the heartbeat at {node.heartbeat_at:%H:%M:%S} UTC"
    expect(page.locator("#slots-title + .panel-note")).to_contain_text(beat)
    expect(page.get_by_text("1 of 2 slots is busy.")).to_be_visible()
    Node.objects.filter(id=node.id).update(state="DRAINING", drain_requested_at=now())
    expect(page.get_by_text("It takes no new tasks.")).to_be_visible()
