"""The menu above a list in a browser: opened by keyboard, and the file that follows."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse

from tests.browser.axe import find_violations
from tests.exportfiles import read_csv
from tests.factories import make_letter, make_node, make_queue, make_task

pytestmark = pytest.mark.django_db(transaction=True)

PICTURES = os.environ.get("BROWSER_PICTURES")
LISTS = ("tasks_app_task", "tasks_app_queue", "workers_node", "dlq_lettergroup", "dlq_deadletter")


def look(page: Any, name: str) -> None:
    """Nothing is inaccessible or too wide; a picture, if they are wanted."""
    if PICTURES:
        Path(PICTURES).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=Path(PICTURES) / f"{name}.png")
    assert find_violations(page) == []
    sizes = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert sizes[0] <= sizes[1]


@pytest.mark.parametrize(("theme", "width"), [("light", 1440), ("dark", 390)])
def test_the_menu_of_a_list(page_of: Callable[..., Any], theme: str, width: int) -> None:
    make_task("FAILED", name="=1+1")
    make_task(name="waits")
    make_letter()
    make_node()
    make_queue("mail")
    page = page_of("superuser", theme, width)
    for name in LISTS:
        page.goto(reverse(f"admin:{name}_changelist"))
        summary = page.locator("details[data-menu] > summary")
        summary.focus()
        page.keyboard.press("Enter")
        page.get_by_role("button", name="CSV", exact=True).wait_for()
        look(page, f"export-{name}-{width}-{theme}")
        page.keyboard.press("Escape")
        assert not page.get_by_role("button", name="CSV", exact=True).is_visible()
    page.goto(f"{reverse('admin:tasks_app_task_changelist')}?search=%3D1")
    page.locator("details[data-menu] > summary").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV", exact=True).click()
    assert download.value.suggested_filename.endswith(".csv")
    head, *rows = read_csv(Path(download.value.path()).read_bytes())
    assert [row[head.index("name")] for row in rows] == ["'=1+1"]
