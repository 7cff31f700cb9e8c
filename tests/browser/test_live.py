"""Live figures on a page: the chip shows the truth, and the data catches up."""

import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import expect

from controlplane.core.clock import now, parse_time, utc_z
from controlplane.workspaces import services
from controlplane.workspaces.actors import SYSTEM
from tasks_app.models import Queue, Task
from tests.browser.axe import find_violations
from tests.browser.visitors import Visitors
from tests.clients import other_workspace, staff_user
from tests.factories import make_leader, make_letter, make_node, make_queue, make_task
from workers.models import Node

COUNTED = ("wrong", "dead-letters", "lost")

ADD_FIGURE = """async (name) => {
    const row = document.createElement("p");
    row.dataset.follows = "";
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
SAY_LIVE = """async () => {
    const { liveTopics } = await import("/static/dashboard/live.js");
    liveTopics().freshness = () => ({ status: "live" });
}"""
HIDE = """async (isHidden) => {
    const { liveTopics } = await import("/static/dashboard/live.js");
    if (isHidden) liveTopics().hide(); else liveTopics().show();
}"""

IS_GREY = """() => {
    const colourOf = (id) => getComputedStyle(document.getElementById(id)).color;
    return colourOf("figure") === colourOf("live-age");
}"""
COLOUR_OF = "(selector) => getComputedStyle(document.querySelector(selector)).color"
# As a tab that was opened with Ctrl and a click: no event says that it is hidden.
IN_THE_BACKGROUND = """
let isHidden = true;
Object.defineProperty(document, "hidden", { get: () => isHidden });
globalThis.showTab = () => {
    isHidden = false;
    document.dispatchEvent(new Event("visibilitychange"));
};
"""


def cancel(task: Any) -> None:
    Task.objects.filter(id=task.id).update(state="CANCELLED", finished_at=now())


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

    @property
    def is_grey(self) -> bool:
        return bool(self.page.evaluate(IS_GREY))


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
    assert not tab.is_grey


def test_nothing_is_applied_while_paused(tab: Tab) -> None:
    tab.shows("0")
    tab.page.keyboard.press("p")
    tab.chip("Paused")
    make_task(queue="emails")
    tab.page.wait_for_timeout(2_500)
    assert tab.text == "0"
    tab.page.wait_for_function(IS_GREY)  # by then it is older than a live figure may be
    tab.page.locator("#live-pause").click()
    tab.shows("1")
    tab.chip("Live")
    assert not tab.is_grey


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


def test_a_tab_that_is_opened_in_the_background_waits_until_it_is_shown(
    page_of: Callable[..., Any],
) -> None:
    make_queue("emails")
    page = page_of("viewer")
    page.add_init_script(IN_THE_BACKGROUND)
    tab = Tab(page)
    page.wait_for_timeout(1_500)
    assert tab.frames == []
    assert tab.text == "?"
    page.evaluate("showTab()")
    tab.shows("0")
    tab.chip("Live")


class Server:
    """Speaks to a page in place of the server. Times are seconds since the page was drawn."""

    def __init__(self, page: Any, topic: str) -> None:
        self._page = page
        self._topic = topic
        self._routes: list[Any] = []
        page.route_web_socket("**/ws/live", self._open)

    def send(self, kind: str, seconds: float, **fields: Any) -> None:
        drawn = self._page.get_attribute("[data-drawn-at]", "data-drawn-at")
        at = utc_z(parse_time(drawn) + timedelta(seconds=seconds))
        fields |= {"kind": kind, "topic": self._topic, "epoch": 1, "at": at}
        self._routes[-1].send(json.dumps({**fields, "topics": {self._topic: at}}))

    def _open(self, route: Any) -> None:
        self._routes.append(route)
        route.on_message(lambda _: None)
        route.send(json.dumps({"kind": "hello", "at": utc_z(now())}))


def test_a_page_never_goes_back_to_figures_older_than_itself(
    page_of: Callable[..., Any],
) -> None:
    """What was read before the page was drawn, as for a viewer before it, is not shown; what comes
    later builds on it."""
    make_task(queue="emails")
    page = page_of("viewer")
    server = Server(page, "default/queues")
    page.goto("/admin/tasks_app/queue/")
    figure = page.locator("tr[data-row] [data-live='#depth']")
    row = page.get_attribute("tr[data-row]", "data-row").partition("#")[2]
    old = {"depth": 0, "running": 0, "paused": False, "oldestWaitingMs": 0}
    key = row.removeprefix("rows/")

    def change(seconds: float, since: int, depth: int) -> None:
        data = {"set": {f"{row}/depth": depth}, "remove": []}
        server.send("change", seconds, seq=since + 1, since=since, data=data)

    server.send("snapshot", -0.2, seq=1, every=1, data={"rows": {key: old}, "order": [key]})
    change(-0.1, 1, depth=7)
    page.wait_for_timeout(300)
    expect(figure).to_have_text("1")
    server.send("heartbeat", 0.5)
    expect(figure).to_have_text("7")
    change(1, 2, depth=8)
    expect(figure).to_have_text("8")


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
    expect(page.locator("#live-age")).to_have_text(re.compile(r"^\d.* s ago$"))
    assert "every 10 s" in page.locator("#live-chip").get_attribute("title")
    assert not tab.is_grey
    make_task(queue="emails")
    tab.page.wait_for_timeout(11_000)
    tab.shows("1")


def test_times_stand_as_they_were_drawn_until_the_server_is_heard(visitors: Visitors) -> None:
    make_letter()
    page = visitors.page(staff_user("viewer"))
    page.route_web_socket("**/ws/live", lambda socket: None)  # connected, and silent
    page.goto(f"{visitors.server}/admin/")
    page.evaluate(SAY_LIVE)  # as for the first three seconds
    when = page.locator(".overview-when time").first
    page.wait_for_timeout(2_500)
    assert re.fullmatch(r"now|\d+ s ago", when.inner_text())


@pytest.fixture
def person_of_two(visitors: Visitors) -> Any:
    """A viewer of two workspaces, neither of which is `default`; there is a third one."""
    user = staff_user("viewer", workspace=other_workspace("one"), name="of-two")
    services.add_member(workspace=other_workspace("two"), user=user, role="viewer", actor=SYSTEM)
    for slug in ("one", "two", "three"):
        make_queue("emails", other_workspace(slug))
    return user


def test_a_page_of_several_workspaces_follows_each_of_them(
    visitors: Visitors, person_of_two: Any
) -> None:
    page = visitors.page(person_of_two)
    sent: list[str] = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda text: sent.append(str(text))))
    page.goto("/admin/tasks_app/queue/")
    depth = "[data-row='{}/queues#rows/emails'] [data-live='#depth']"
    expect(page.locator("#live-status")).to_have_text("Live")
    make_task(queue="emails", workspace=other_workspace("two"))
    make_task(queue="emails", workspace=other_workspace("three"))
    expect(page.locator(depth.format("two"))).to_have_text("1")
    expect(page.locator(depth.format("one"))).to_have_text("0")
    assert page.locator("[data-row]").count() == 2
    assert not [text for text in sent if "three/" in text]


def test_the_list_of_tasks_of_several_workspaces_is_live(
    visitors: Visitors, person_of_two: Any
) -> None:
    task = make_task(name="Charge order 17", workspace=other_workspace("two"))
    page = visitors.page(person_of_two)
    page.goto("/admin/tasks_app/task/")
    expect(page.locator("#live-status")).to_have_text("Live")
    cancel(task)
    make_task(name="Charge order 18", workspace=other_workspace("one"))
    expect(page.locator("[data-cell='state'] .state-word")).to_have_text("Cancelled")
    expect(page.locator("[data-new-rows]")).to_have_text("1 new, show")


def test_rows_that_come_are_counted_and_nothing_moves(page_of: Callable[..., Any]) -> None:
    make_queue("emails")
    node = make_node("alpha", heartbeat_at=now())
    queues, nodes = page_of("superuser"), page_of("superuser")
    queues.goto("/admin/tasks_app/queue/")
    nodes.goto("/admin/workers/node/")
    for page in (queues, nodes):
        expect(page.locator("#live-status")).to_have_text("Live")
    make_queue("a-new-one")
    make_queue("another", other_workspace("two"))  # a workspace that came after the page
    make_node("beta", heartbeat_at=now())
    expect(queues.locator("#new-queues")).to_have_text("1 new, show")
    expect(nodes.locator("#new-nodes")).to_have_text("1 new, show")
    assert queues.locator("tr[data-row]").count() == nodes.locator("tr[data-row]").count() == 1
    Node.objects.filter(id=node.id).update(state="DRAINING")
    expect(nodes.locator("[data-state] .state-word")).to_have_text("Draining")
    queues.locator("#new-queues").click()
    expect(queues.locator("tr[data-row]")).to_have_count(3)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(
    ("address", "row", "other"),
    [
        ("/admin/tasks_app/task/", "tr[data-task-row='{task}']", "tr[data-task-row]"),
        ("/admin/tasks_app/queue/", "tr[data-row$='/emails']", "tr[data-row]"),
    ],
)
def test_a_row_that_has_gone_does_not_look_alive(
    page_of: Callable[..., Any], address: str, row: str, other: str, theme: str
) -> None:
    make_queue("billing")
    task = make_task(name="Charge order 17", queue="emails")
    make_task(name="Charge order 18", queue="billing")
    page = page_of("superuser", theme)
    page.goto(address)
    expect(page.locator("#live-status")).to_have_text("Live")
    page.wait_for_timeout(1_500)
    Task.objects.filter(id=task.id).delete()
    Queue.objects.filter(name="emails").delete()
    gone = page.locator(row.format(task=task.id))
    expect(gone).to_have_attribute("data-gone", "")
    expect(gone).to_contain_text("(no longer updated)")
    expect(page.locator(f"{other}:not([data-gone])")).to_have_count(1)
    faint = page.evaluate(COLOUR_OF, ".panel-foot, .panel-note")
    assert page.evaluate(COLOUR_OF, "[data-gone] :is(.row-name, .quiet-link)") == faint
    assert find_violations(page) == []


def test_the_sidebar_counts(page_of: Callable[..., Any]) -> None:
    make_leader("dispatcher", seconds=600)
    page = page_of("superuser")
    page.goto("/admin/records/")
    counts = {name: page.locator(f".navigation [data-count='{name}']") for name in COUNTED}
    for each in counts.values():
        expect(each).to_be_hidden()
    expect(page.locator("#live-status")).to_have_text("Live")
    make_letter()
    make_letter(workspace=other_workspace())
    make_node("gone", state="LOST", stopped_at=now())
    # Only the letter of the chosen workspace counts: the link leads to its inbox.
    expect(counts["dead-letters"].locator("[data-sum]")).to_have_text("1")
    expect(counts["lost"].locator("[data-sum]")).to_have_text("1")
    expect(counts["wrong"]).to_be_visible()
    wrong = counts["wrong"].locator("[data-sum]").inner_text()
    page.reload()
    for name, text in (("dead-letters", "1"), ("lost", "1"), ("wrong", wrong)):
        drawn = page.request.get("/admin/records/").text()
        assert re.search(
            rf'data-count="{name}"[^>]*(?<!hidden)>.*?<span data-sum[^>]*>{text}<', drawn
        )
        expect(counts[name].locator("[data-sum]")).to_have_text(text)


def test_the_chip_counts_what_a_page_has_not_shown_yet(
    visitors: Visitors, page_of: Callable[..., Any]
) -> None:
    """The list of tasks asks for its rows; without an answer they are old, and the chip says so."""
    task = make_task(name="Charge order 17")
    page = page_of("viewer")
    page.goto("/admin/tasks_app/task/")
    expect(page.locator("#live-status")).to_have_text("Live")
    page.wait_for_timeout(2_500)  # for the first answer
    visitors.guard.allowed.append("the server responded with a status of 503")
    page.route("**/changes/**", lambda route: route.fulfill(status=503, body=""))
    cancel(task)
    expect(page.locator("#live-status")).to_have_text("Delayed")
    page.unroute_all()
    expect(page.locator("[data-cell='state'] .state-word")).to_have_text("Cancelled")
    expect(page.locator("#live-status")).to_have_text("Live")
