"""The frame of the pages in a browser: theme, keys, search, dialogs, copies, error pages."""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from playwright.sync_api import expect

from tests.browser.visitors import Visitors
from tests.clients import other_workspace
from tests.factories import make_letter, make_task

OpenPage = Callable[..., Any]
QUEUES = "/admin/tasks_app/queue/"


def test_the_theme_goes_round_and_is_kept(page_of: OpenPage) -> None:
    page = page_of("viewer")
    page.goto(QUEUES)
    seen = [page.evaluate("document.documentElement.dataset.theme")]
    for _ in range(3):
        page.click("#theme-switch")
        seen.append(page.evaluate("document.documentElement.dataset.theme"))
    assert seen == ["light", "dark", "auto", "light"]
    assert page.evaluate("localStorage.theme") == "light"


def test_g_and_a_letter_opens_a_page_but_not_while_somebody_types(page_of: OpenPage) -> None:
    page = page_of("viewer")
    page.goto(QUEUES)
    page.keyboard.press("/")
    page.keyboard.type("gs")
    assert page.input_value("form.search input") == "gs"
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("g")
    page.keyboard.press("s")
    page.wait_for_url("**/admin/schedules/schedule/")
    assert page.get_attribute(".navigation a[aria-current]", "title") == "Schedules"


def test_keys_can_be_switched_off_in_their_help(page_of: OpenPage) -> None:
    page = page_of("viewer")
    page.goto(QUEUES)
    page.keyboard.press("?")
    page.get_by_role("checkbox", name="Keys without Ctrl are on").uncheck()
    page.keyboard.press("Escape")
    page.locator("dialog").wait_for(state="detached")
    page.keyboard.press("?")
    assert page.locator("dialog").count() == 0
    page.keyboard.press("Control+k")
    assert page.evaluate("document.activeElement.name") == "search"


def test_the_id_of_a_task_opens_the_task(page_of: OpenPage) -> None:
    page = page_of("viewer")
    task = make_task()
    page.goto(QUEUES)
    page.fill("form.search input", f" {task.id} ".upper())
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/admin/tasks_app/task/{task.id}/change/")


FORM = """(attributes) => {
    const form = document.createElement('form');
    form.method = 'get';
    const button = document.createElement('button');
    button.textContent = 'Cancel 3 tasks';
    button.name = 'action';
    button.value = 'cancel';
    for (const [name, value] of Object.entries(attributes)) form.setAttribute(name, value);
    form.append(button);
    document.querySelector('main').append(form);
    button.focus();
}"""


def test_a_form_asks_and_sends_the_reason_and_the_pressed_button(page_of: OpenPage) -> None:
    page = page_of("viewer")
    page.goto(QUEUES)
    question = {"data-confirm": "Cancel 3 tasks?", "data-confirm-reason": "reason"}
    page.evaluate(
        FORM, {**question, "data-confirm-type": "billing", "action": QUEUES + "1/change/"}
    )
    page.route("**/1/change/**", lambda route: route.fulfill(body="<p>sent</p>"))
    page.get_by_role("button", name="Cancel 3 tasks").click()
    dialog = page.get_by_role("dialog", name="Cancel 3 tasks?")
    go = dialog.get_by_role("button", name="Cancel 3 tasks")
    assert go.is_disabled()
    dialog.get_by_label("Reason").fill(" OPS-1 ")
    dialog.get_by_label("Type billing to confirm").fill("billing")
    go.click()
    page.wait_for_url("**action=cancel**")
    sent = dict(parse_qsl(urlsplit(page.url).query))
    assert sent == {"action": "cancel", "post": "yes", "reason": "OPS-1"}


def test_a_form_that_is_not_confirmed_is_not_sent(page_of: OpenPage) -> None:
    page = page_of("viewer")
    page.goto(QUEUES)
    page.evaluate(FORM, {"data-confirm": "Cancel 3 tasks?"})
    page.get_by_role("button", name="Cancel 3 tasks").click()
    page.get_by_role("button", name="Back").click()
    page.locator("dialog").wait_for(state="detached")
    assert "action" not in page.url
    assert page.evaluate("document.activeElement.textContent") == "Cancel 3 tasks"


@pytest.mark.parametrize("has_clipboard", [True, False])
def test_a_text_is_copied_with_and_without_a_clipboard(
    page_of: OpenPage, has_clipboard: bool
) -> None:
    page = page_of("viewer")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    if not has_clipboard:
        page.add_init_script("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    page.goto(QUEUES)
    copied = page.evaluate("""async () => {
        const seen = [];
        document.addEventListener('copy', () => seen.push(document.getSelection().toString()
            || document.activeElement.value));
        const {copyText} = await import('/static/dashboard/copy.js');
        const done = await copyText('<b>5</b>');
        return [done, seen[0] ?? await navigator.clipboard.readText()];
    }""")
    assert copied == [True, "<b>5</b>"]


def test_a_message_is_a_text_and_can_be_closed(page_of: OpenPage) -> None:
    page = page_of("viewer")
    page.goto(QUEUES)
    page.evaluate("""async () => {
        const {toast} = await import('/static/dashboard/toasts.js');
        toast('error', '<img src=x onerror=alert(1)>');
    }""")
    assert page.inner_text(".toast span") == "<img src=x onerror=alert(1)>"
    assert page.inner_text("#announcer") == "<img src=x onerror=alert(1)>"
    page.click(".toast button")
    assert page.locator(".toasts").count() == 0


def test_a_missing_page_says_who_asks_and_where_to_go(
    page_of: OpenPage, visitors: Visitors
) -> None:
    visitors.guard.allowed.append("404 (Not Found)")
    page = page_of("operator")
    response = page.goto("/admin/no/such/<b>page</b>")
    assert response.status == 404
    text = page.inner_text("main")
    assert "There is nothing at this address" in text
    assert "operator-person (operator)" in text
    assert "<b>page<" in text
    assert page.get_by_role("main").get_by_role("link", name="Dead letters").is_visible()


def test_a_refused_page_says_why(page_of: OpenPage, visitors: Visitors) -> None:
    visitors.guard.allowed.append("403 (Forbidden)")
    page = page_of("viewer")
    letter = make_letter()
    response = page.goto(f"/admin/dlq/deadletter/{letter.id}/reprocess/")
    assert response.status == 403
    assert "This needs the role operator in its workspace." in page.inner_text("main")


def test_a_stranger_without_a_session_is_led_to_the_login(visitors: Visitors) -> None:
    visitors.guard.allowed.append("404 (Not Found)")
    page = visitors.page(None)
    page.goto("/no/such/page")
    assert "You are not logged in." in page.inner_text("main")
    page.get_by_role("link", name="Log in").click()
    page.wait_for_url("**/admin/login/?next=%2Fno%2Fsuch%2Fpage")


@pytest.mark.parametrize(("menu", "width"), [(".workspace-choice", 1440), (".thumb-more", 390)])
def test_a_menu_of_the_frame_closes_by_escape_and_by_a_click_outside(
    page_of: OpenPage, menu: str, width: int
) -> None:
    other_workspace()
    page = page_of("superuser", "light", width)
    page.goto(QUEUES)
    box = page.locator(menu)
    head = box.locator("summary")
    head.click()
    expect(box).to_have_attribute("open", "")
    page.keyboard.press("Escape")
    expect(box).not_to_have_attribute("open", "")
    expect(head).to_be_focused()
    head.click()
    expect(box).to_have_attribute("open", "")
    page.locator("main").click(position={"x": 4, "y": 4})
    expect(box).not_to_have_attribute("open", "")


@pytest.mark.parametrize("path", ["/", "/dashboard.html"])
def test_the_first_addresses_lead_to_the_overview(page_of: OpenPage, path: str) -> None:
    page = page_of("viewer")
    page.goto(path)
    # One workspace only, which the page puts into its address.
    page.wait_for_url("**/admin/?workspace=default")
    assert page.get_attribute(".navigation a[aria-current]", "title") == "Overview"
