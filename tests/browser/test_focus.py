"""The focus is never lost, whatever becomes of the element that had it."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.factories import make_queue

ADD = """(html) => {
    const box = new DOMParser().parseFromString(html, "text/html").body.firstElementChild;
    document.querySelector("main").append(box);
    document.getElementById("last").focus();
}"""
FOCUSED = """() => {
    const element = document.activeElement;
    return element.id || element.tagName.toLowerCase();
}"""
BOX = """<div id="box"><button id="first">First</button>
<div id="inner"><p><a href="#" id="last">Last</a></p></div></div>"""


@pytest.fixture
def page(page_of: Callable[..., Any], visitors: Any) -> Any:
    visitors.guard.allowed.append("trusted-types-sink DOMParser")  # only the test parses markup
    found = page_of("viewer")
    found.goto("/admin/records/")
    return found


def wait_for(page: Any, focused: str) -> None:
    page.wait_for_function(f"name => ({FOCUSED})() === name", arg=focused)


@pytest.mark.parametrize(
    ("change", "focused"),
    [
        ("document.getElementById('last').remove()", "first"),
        ("document.getElementById('inner').remove()", "first"),
        ("document.getElementById('inner').hidden = true", "first"),
        ("document.getElementById('inner').className = 'hidden'", "first"),
        ("document.getElementById('inner').inert = true", "first"),
        ("document.getElementById('box').remove()", "content-start"),
        ("document.getElementById('first').remove(); document.getElementById('last').remove()",
         "content-start"),
        ("document.getElementById('inner').replaceChildren('nothing')", "first"),
    ],
)  # fmt: skip
def test_it_goes_to_what_is_nearest(page: Any, change: str, focused: str) -> None:
    page.evaluate(ADD, BOX)
    page.evaluate(change)
    wait_for(page, focused)


def test_a_button_that_is_disabled_hands_it_on(page: Any) -> None:
    page.evaluate(ADD, '<div><button id="other">A</button><button id="last">B</button></div>')
    page.evaluate("document.getElementById('last').disabled = true")
    wait_for(page, "other")


def test_a_menu_that_closes_hands_it_to_its_head(page: Any) -> None:
    menu = '<details open><summary id="head">A</summary><a href="#" id="last">B</a></details>'
    page.evaluate(ADD, menu)
    page.evaluate("document.getElementById('last').closest('details').open = false")
    wait_for(page, "head")


@pytest.mark.parametrize("opener", ["", "theme-switch"])
def test_a_dialog_gives_it_back(page: Any, opener: str) -> None:
    if opener:
        page.locator(f"#{opener}").focus()
    page.keyboard.press("?")
    expect(page.locator("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("dialog")).to_have_count(0)
    wait_for(page, opener or "content-start")


@pytest.mark.ci
def test_a_row_that_goes_while_it_is_used(page_of: Callable[..., Any]) -> None:
    make_queue("emails")
    page = page_of("viewer")
    page.goto("/admin/tasks_app/queue/")
    page.locator("tr[data-row] a").first.focus()
    page.evaluate("document.querySelector('tr[data-row]').remove()")
    page.wait_for_function("document.activeElement.closest('main') !== null")
