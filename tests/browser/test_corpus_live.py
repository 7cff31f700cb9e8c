"""Live changes, dialogs and messages with names that are paths, markup and properties."""

from collections.abc import Callable
from typing import Any

import pytest
from django.urls import reverse

from tests.browser.test_corpus import DAMAGE
from tests.corpus import TEXTS
from tests.corpusrows.fields import write
from tests.factories import make_node, make_queue, make_task

pytestmark = pytest.mark.django_db(transaction=True)

PageOf = Callable[..., Any]
_QUICK_MS = 10_000


@pytest.mark.parametrize(
    "name", ["a/b~c~1d#e", "__proto__", "<script>window.__executed=1</script>", "x y", "שלום"]
)
def test_a_figure_follows_a_queue_of_any_name(page_of: PageOf, name: str) -> None:
    queue = make_queue(name)
    make_node()
    make_task(queue=name)
    page = page_of("operator")
    page.goto(reverse("admin:tasks_app_queue_changelist"))
    depth = page.locator("[data-row] [data-live='#depth']")
    assert depth.text_content() == "1"
    make_task(queue=name)
    depth.filter(has_text="2").wait_for(timeout=_QUICK_MS)
    page.goto(reverse("admin:tasks_app_queue_change", args=[queue.pk]))
    make_task(queue=name)
    page.locator(".figure [data-live='#depth']", has_text="3").wait_for(timeout=_QUICK_MS)
    page.goto(reverse("admin:index"))
    page.locator("#panel-queues", has_text=name).wait_for(timeout=_QUICK_MS)
    assert page.evaluate(DAMAGE) == []


@pytest.mark.parametrize("name", ["handler", "closing", "override", "long words"])
def test_a_dialog_and_a_message_hold_any_name(page_of: PageOf, name: str) -> None:
    text = TEXTS[name]
    task = make_task("COMPLETED")
    write(task, name=text[:200])
    page = page_of("operator", "light", 390)
    page.goto(reverse("admin:tasks_app_task_change", args=[task.pk]))
    page.get_by_role("link", name="Retry…", exact=True).click()
    page.locator("dialog[open]").get_by_role("button", name="Run it again").click()
    page.locator(".toast .success, .toast.success").first.wait_for()
    assert page.evaluate(DAMAGE) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("name", ["handler", "pointer", "override"])
def test_the_message_of_a_pause_holds_any_reason(page_of: PageOf, name: str) -> None:
    queue = make_queue("mail")
    make_node()
    page = page_of("operator")
    page.goto(reverse("admin:tasks_app_queue_change", args=[queue.pk]))
    page.get_by_label("Reason, shown to everybody").fill(TEXTS[name])
    page.get_by_role("button", name="Pause mail").click()
    page.get_by_text("It is paused by").wait_for()
    assert page.evaluate(DAMAGE) == []
