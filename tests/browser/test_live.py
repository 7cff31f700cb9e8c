"""Live figures on a page: the chip shows the truth, and the data catches up."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.visitors import Visitors
from tests.clients import other_workspace, staff_user
from tests.factories import make_queue, make_task

ADD_FIGURE = """async (name) => {
    const row = document.createElement("p");
    row.dataset.row = `queues#rows/${name}`;
    const figure = document.createElement("b");
    figure.id = "figure";
    figure.dataset.live = "#depth";
    figure.textContent = "?";
    row.append(figure);
    document.querySelector("main").append(row);
    const { bindAll } = await import("/static/dashboard/bind.js");
    bindAll(row);
}"""
CUT = """async () => {
    const { liveTopics } = await import("/static/dashboard/live.js");
    liveTopics().socket.socket.close();
}"""
HIDE = """async (isHidden) => {
    const { liveTopics } = await import("/static/dashboard/live.js");
    if (isHidden) liveTopics().hide(); else liveTopics().show();
}"""


class Tab:
    """A page with one live figure: the depth of a queue."""

    def __init__(self, page: Any, queue: str = "emails") -> None:
        self.page = page
        self.frames: list[str] = []
        page.on("websocket", lambda socket: socket.on("framereceived", self.take))
        page.goto("/admin/records/")
        page.evaluate(ADD_FIGURE, queue)

    def take(self, frame: Any) -> None:
        self.frames.append(str(frame))

    def shows(self, text: str) -> None:
        self.page.wait_for_function(
            "text => document.getElementById('figure').textContent === text", arg=text
        )

    def chip(self, status: str) -> None:
        self.page.wait_for_function(
            "text => document.getElementById('live-status').textContent === text", arg=status
        )

    @property
    def text(self) -> str:
        return str(self.page.locator("#figure").text_content())


@pytest.fixture
def tab(page_of: Callable[..., Any]) -> Tab:
    make_queue("emails")
    return Tab(page_of("viewer"))


def test_a_figure_follows_its_topic_without_a_reload(tab: Tab) -> None:
    tab.shows("0")
    tab.chip("Live")
    make_task(queue="emails")
    tab.shows("1")
    assert tab.page.locator("#live-age").text_content().endswith("s ago")
    assert not tab.page.locator("body").get_attribute("data-stale")


def test_nothing_is_applied_while_paused(tab: Tab) -> None:
    tab.shows("0")
    tab.page.keyboard.press("p")
    tab.chip("Paused")
    make_task(queue="emails")
    tab.page.wait_for_timeout(2_500)
    assert tab.text == "0"
    tab.page.locator("#live-pause").click()
    tab.shows("1")
    tab.chip("Live")


def test_a_lost_socket_is_shown_and_opened_again(tab: Tab) -> None:
    tab.shows("0")
    tab.page.evaluate(CUT)
    tab.chip("Disconnected")
    make_task(queue="emails")
    tab.shows("1")
    tab.chip("Live")


def test_a_hidden_tab_receives_nothing(tab: Tab) -> None:
    tab.shows("0")
    tab.page.evaluate(HIDE, True)
    tab.page.wait_for_timeout(500)
    tab.frames.clear()
    make_task(queue="emails")
    tab.page.wait_for_timeout(2_500)
    assert not [frame for frame in tab.frames if '"topic"' in frame]
    assert tab.text == "0"
    tab.page.evaluate(HIDE, False)
    tab.shows("1")


def test_two_viewers_of_two_workspaces_see_their_own(visitors: Visitors) -> None:
    make_queue("emails")
    make_queue("emails", other_workspace())
    ours = staff_user("viewer")
    theirs = staff_user("viewer", workspace=other_workspace(), name="their-viewer")
    one, other = (Tab(visitors.page(each)) for each in (ours, theirs))
    make_task(queue="emails", workspace=other_workspace())
    make_task(queue="emails", workspace=other_workspace())
    other.shows("2")
    assert one.text == "0"


def test_it_polls_where_sockets_are_blocked(visitors: Visitors) -> None:
    make_queue("emails")
    page = visitors.page(staff_user("viewer"))
    visitors.guard.allowed.append("WebSocket")
    page.route_web_socket("**/ws/live", lambda socket: socket.close(code=1011))
    tab = Tab(page)
    tab.shows("0")
    tab.chip("Polling")
    make_task(queue="emails")
    tab.page.wait_for_timeout(11_000)
    tab.shows("1")
