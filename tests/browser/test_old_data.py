"""Old data is grey, all of it, in colours that can be read; what can be pressed is not."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import expect

from controlplane.core.clock import now
from controlplane.workspaces import services
from controlplane.workspaces.actors import SYSTEM
from tasks_app.models import Task
from tests.browser.axe import find_violations
from tests.browser.visitors import Visitors
from tests.clients import other_workspace, staff_user
from tests.factories import (
    make_job,
    make_leader,
    make_letter,
    make_log,
    make_node,
    make_scaling_event,
    make_task,
)

TASKS = "/admin/tasks_app/task/"
# One more workspace than the list of tasks follows: tasks_app/admin/listpage.py.
SLOW_MS = 20_000
MANY = 17
# Texts and pictures that stand in what follows a topic and have a colour.
COLOURED = """() => {
    const faint = getComputedStyle(document.getElementById("live-age")).color;
    const controls = "button, .button, .icon-button, .segments, summary, form, dialog, .menu-body, "
        + "title";
    const found = [];
    for (const part of document.querySelectorAll("[data-follows]")) {
        const isData = (each) => {
            const control = each.closest(controls);
            return each.checkVisibility() && !(control && part.contains(control));
        };
        const texts = document.createTreeWalker(part, NodeFilter.SHOW_TEXT);
        while (texts.nextNode()) {
            const text = texts.currentNode.data.trim();
            const each = texts.currentNode.parentElement;
            if (!text || !isData(each)) continue;
            const { color, fill } = getComputedStyle(each);
            const shown = each instanceof SVGElement ? fill : color;
            if (shown !== faint) found.push(`${each.tagName} ${shown}: ${text.slice(0, 60)}`);
        }
        for (const each of part.querySelectorAll("svg:not(svg svg)")) {
            const { filter } = getComputedStyle(each);
            if (isData(each) && filter !== "grayscale(1)") found.push(`svg ${each.classList}`);
        }
    }
    return found;
}"""
COLOUR_OF = "(selector) => getComputedStyle(document.querySelector(selector)).color"


def make_world() -> Task:
    """Something in every list of the overview, and a task with everything that its page shows."""
    make_leader("dispatcher", seconds=600)
    make_task(queue="billing", created_at=now() - timedelta(minutes=6))
    make_node("alpha", heartbeat_at=now(), concurrency=4, running=2)
    make_scaling_event()
    make_job("nightly")
    make_letter(name="Charge order 17")
    task = Task.objects.get(name="Charge order 17")
    make_log(task, "a line")
    return task


@pytest.mark.parametrize(
    ("name", "theme", "button"),
    [
        ("overview", "light", ".situation-open"),
        ("overview", "dark", ".situation-open"),
        ("tasks", "dark", ".page-head .button"),
        ("task", "light", "[data-actions] .button"),
        ("nodes", "light", ".page-head .button"),
    ],
)
def test_everything_that_follows_is_grey_while_it_is_old(
    page_of: Callable[..., Any], name: str, theme: str, button: str
) -> None:
    """Stopped by the person, or not: data that is not kept up to date becomes old."""
    task = make_world()
    addresses = {
        "overview": "/admin/",
        "tasks": TASKS,
        "task": f"{TASKS}{task.id}/change/",
        "nodes": "/admin/workers/node/",
    }
    page = page_of("superuser", theme)
    page.goto(addresses[name])
    expect(page.locator("#live-status")).to_have_text("Live")
    in_colour, ink = page.evaluate(COLOURED), page.evaluate(COLOUR_OF, button)
    assert len(in_colour) > 5
    page.keyboard.press("p")
    expect(page.locator("body")).to_have_attribute("data-stale", "", timeout=SLOW_MS)
    expect(page.locator("#live-status")).to_have_text("Paused")
    assert page.evaluate(COLOURED) == []
    assert page.evaluate(COLOUR_OF, button) == ink
    assert find_violations(page) == []
    page.keyboard.press("p")
    expect(page.locator("#live-status")).to_have_text("Live")
    expect(page.locator("body")).not_to_have_attribute("data-stale", "", timeout=SLOW_MS)
    assert len(page.evaluate(COLOURED)) > 5


@pytest.mark.ci
def test_the_top_bar_fits_on_a_phone_while_the_page_is_not_live(
    page_of: Callable[..., Any],
) -> None:
    make_world()
    page = page_of("superuser", "light", 390)
    page.goto("/admin/")
    page.evaluate("document.querySelector('.environment').textContent = 'production-eu-central-1'")
    for status, text in (("paused", "Paused"), ("disconnected", "Disconnected")):
        # In one step: the page itself changes the chip several times a second.
        wide = page.evaluate(
            """([status, text]) => {
                const chip = document.getElementById('live-chip');
                chip.hidden = false;
                chip.dataset.status = status;
                document.getElementById('live-status').textContent = text;
                document.getElementById('live-age').textContent = '12 min 40 s ago';
                return document.documentElement.scrollWidth;
            }""",
            [status, text],
        )
        assert wide <= 390


@pytest.mark.ci
def test_rows_of_many_workspaces_are_as_old_as_their_newest_answer(visitors: Visitors) -> None:
    """They are too many to be followed: the page asks for them all the time."""
    spaces = [other_workspace(f"team-{number}") for number in range(MANY)]
    user = staff_user("viewer", workspace=spaces[0], name="of-many")
    for each in spaces[1:]:
        services.add_member(workspace=each, user=user, role="viewer", actor=SYSTEM)
    task = make_task(name="Charge order 17", workspace=spaces[-1])
    page = visitors.page(user)
    page.goto(TASKS)
    chip = page.locator("#live-status")
    expect(page.locator("[data-list-changes]")).to_have_attribute("data-live-topics", "")
    expect(chip).to_have_text("Live")
    visitors.guard.allowed.append("the server responded with a status of 503")
    page.route("**/changes/**", lambda route: route.fulfill(status=503, body=""))
    expect(chip).to_have_text("Delayed", timeout=SLOW_MS)
    assert page.evaluate(COLOURED) == []
    Task.objects.filter(id=task.id).update(state="CANCELLED", finished_at=now())
    page.unroute_all()
    # After a failure the page waits a few seconds before it asks again.
    state = page.locator("[data-cell='state'] .state-word")
    expect(state).to_have_text("Cancelled", timeout=SLOW_MS)
    expect(chip).to_have_text("Live", timeout=SLOW_MS)
