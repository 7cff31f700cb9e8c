"""Saved views in a browser: from filters to a view of one's own, by keys, and what others see."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse

from controlplane.ops.savedviews.models import SavedView
from tests.browser.axe import find_violations
from tests.corpus import TEXTS
from tests.factories import make_letter, make_tasks, make_view

pytestmark = pytest.mark.django_db(transaction=True)

PageOf = Callable[..., Any]
PICTURES = os.environ.get("BROWSER_PICTURES")
TASKS = "/admin/tasks_app/task/"


def look(page: Any, name: str, *, is_covered: bool = False) -> None:
    """Nothing is inaccessible or too wide; a picture, if they are wanted. Where an open menu covers
    a part of what is below it, that part is too small to press, as it should be."""
    if PICTURES:
        Path(PICTURES).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=Path(PICTURES) / f"{name}.png")
    found = find_violations(page)
    assert [each for each in found if not (is_covered and each.startswith("target-size"))] == []
    sizes = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert sizes[0] <= sizes[1]


def current(page: Any) -> str:
    return " ".join(page.locator("[data-views] nav [aria-current]").inner_text().split())


LOOKS = pytest.mark.parametrize(("theme", "width"), [("light", 1440), ("dark", 390)])


def make_rows() -> SavedView:
    """Tasks, and shared views of them. Returns the one of which a filter is gone."""
    make_tasks(12, "FAILED", name="Charge order 48391", type="charge-card", queue="payments")
    make_tasks(30, "COMPLETED", name="Refund order 47902", type="refund", queue="payments")
    make_letter()
    make_view(name="Refunds", filters={"type": ["refund"]}, is_shared=True)
    make_view(name=TEXTS["everything"][:80], is_shared=True, is_pinned=True)
    return make_view(name="Old colours", filters={"colour": ["red"]}, is_shared=True)


@LOOKS
def test_a_view_is_saved_changed_and_deleted(page_of: PageOf, theme: str, width: int) -> None:
    make_rows()
    page, tag = page_of("operator", theme, width), f"{width}-{theme}"
    page.goto(TASKS)
    assert current(page) == "All"
    page.get_by_text("More views").click()
    look(page, f"views-menu-{tag}", is_covered=True)
    page.keyboard.press("Escape")
    page.keyboard.press("v")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # the first shipped view
    page.wait_for_url("**saved=failing-now**")
    assert current(page) == "Failing now"
    look(page, f"views-shipped-{tag}")

    page.goto(f"{TASKS}?status=FAILED&queue=payments&createdAfter=24h")
    page.keyboard.press("Shift+V")
    page.keyboard.type("Payments that failed today")
    page.get_by_label("Share with the workspace").check()
    look(page, f"views-saving-{tag}", is_covered=True)
    page.get_by_label("Name", exact=True).press("Enter")
    page.wait_for_url("**createdAfter=24h**saved=**")
    view = SavedView.objects.get(name="Payments that failed today")
    assert (view.is_shared, view.filters["createdAfter"]) == (True, ["24h"])
    assert current(page) == view.name

    page.goto(f"{page.url}&type=charge-card")
    assert current(page) == f"{view.name} changed"
    look(page, f"views-changed-{tag}")
    page.get_by_role("button", name="Save changes").click()
    page.wait_for_url("**type=charge-card**")
    assert current(page) == view.name
    delete(page, view, tag)


def delete(page: Any, view: SavedView, tag: str) -> None:
    page.get_by_role("link", name="Edit view").click()
    look(page, f"views-edit-{tag}")
    page.get_by_role("button", name="Delete the view").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete the view").click()
    page.wait_for_url(f"**{TASKS}")
    assert not SavedView.objects.filter(id=view.id).exists()


@LOOKS
def test_every_list_has_its_views(page_of: PageOf, theme: str, width: int) -> None:
    gone = make_rows()
    page, tag = page_of("viewer", theme, width), f"{width}-{theme}"
    page.goto(f"{TASKS}?saved={gone.id}&type=refund")
    assert current(page) == "Old colours changed"
    assert page.get_by_role("button", name="Save changes").count() == 0
    look(page, f"views-gone-{tag}")
    for name in ("dlq_lettergroup", "dlq_deadletter", "schedules_schedule", "workers_node"):
        page.goto(reverse(f"admin:{name}_changelist"))
        look(page, f"views-{name}-{tag}")
    page.goto(reverse("admin:savedviews_savedview_changelist"))
    look(page, f"views-all-{tag}")
