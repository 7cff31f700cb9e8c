"""The connection, Valkey or Postgres goes away under open pages: the chip shows it, values turn
grey, and the data catches up without a reload."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import connection, connections
from playwright.sync_api import expect

from tests.browser.visitors import Visitors
from tests.chaos.servers import PrivatePostgres, PrivateValkey
from tests.clients import staff_user
from tests.engine import Engine
from tests.factories import make_task

PATIENCE_MS = 60_000
# What the console reports of a server that is away.
PROVOKED = ("WebSocket", "Failed to load resource")
# The age beside the chip is always faint.
IS_GREY = """([selector, isGrey]) => {
    const colour = (each) => getComputedStyle(document.querySelector(each)).color;
    return (colour(selector) === colour(".live-age")) === isGrey;
}"""


@dataclass(frozen=True)
class Place:
    """A page: one of its values, and what it says of tasks that are new since it was drawn with
    one."""

    address: str
    value: str
    news: str
    words: Callable[[int], str]


OVERVIEW = Place(
    address="/admin/",
    value=".figure-value",
    news='[data-live="overview#figures/rows/waiting/value"]',
    words=lambda new: str(1 + new),
)
TASKS = Place(
    address="/admin/tasks_app/task/",
    value="[data-task-row] .row-name",
    news="[data-new-rows]",
    words="{} new, show".format,
)


class Tab:
    """A place that is not loaded again."""

    def __init__(self, page: Any, place: Place) -> None:
        self._page = page
        self._place = place
        self._chip = page.locator("#live-status")
        page.goto(place.address, timeout=PATIENCE_MS)
        page.evaluate("globalThis.isSamePage = true")

    def shows(self, new: int) -> None:
        """It knows of this number of new tasks, and is live."""
        news = self._page.locator(self._place.news)
        expect(news).to_have_text(self._place.words(new), timeout=PATIENCE_MS)
        expect(self._chip).to_have_text("Live", timeout=PATIENCE_MS)
        self._wait_for_grey(False)
        assert self._page.evaluate("globalThis.isSamePage === true")

    def is_old(self) -> None:
        """The chip shows that nothing comes, and values are grey."""
        expect(self._chip).to_have_text(re.compile("Delayed|Disconnected"), timeout=PATIENCE_MS)
        self._wait_for_grey(True)

    def _wait_for_grey(self, is_grey: bool) -> None:
        self._page.wait_for_function(IS_GREY, arg=[self._place.value, is_grey])


class Cable:
    """Between pages and the server. While it is cut, sockets end and requests for data fail."""

    def __init__(self) -> None:
        self._is_cut = False
        self._sockets: list[Any] = []

    def lay(self, page: Any) -> None:
        page.route_web_socket("**/ws/live", self._connect)
        page.route("**/live/**", self._pass_on)

    def cut(self) -> None:
        self._is_cut = True
        for each in self._sockets:
            each.close(code=3000)  # a page may send no lower one to the server
        self._sockets.clear()

    def repair(self) -> None:
        self._is_cut = False

    def _connect(self, route: Any) -> None:
        if self._is_cut:
            route.close(code=1011)
        else:
            self._sockets.append(route)
            route.connect_to_server()

    def _pass_on(self, route: Any) -> None:
        if self._is_cut:
            route.abort()
        else:
            route.continue_()


def watch(visitors: Visitors, prepare: Callable[[Any], None] = lambda _: None) -> list[Tab]:
    """Live pages, which know of one new task."""
    make_task(queue="emails")
    viewer = staff_user("viewer")
    tabs = []
    for place in (OVERVIEW, TASKS):
        page = visitors.page(viewer)
        prepare(page)
        tabs.append(Tab(page, place))
    make_task(queue="emails")
    for tab in tabs:
        tab.shows(1)
    return tabs


def catch_up(tabs: list[Tab]) -> None:
    """What is new after an outage is shown."""
    make_task(queue="emails")
    for tab in tabs:
        tab.shows(2)


def visit(browser: Any, engine: Engine) -> Iterator[Visitors]:
    """People at an app of this engine."""
    database = str(connection.settings_dict["NAME"])
    found = Visitors(browser, engine.app(TASKPLANE_TEST_DATABASE=database))
    found.guard.allowed += PROVOKED
    yield found
    # An app that still reads would be waited for.
    engine.end()
    found.close()
    found.guard.check()


@pytest.fixture
def beside_valkey(browser: Any, chaos: Engine) -> Iterator[Visitors]:
    yield from visit(browser, chaos)


@pytest.fixture
def beside_postgres(browser: Any, database_chaos: Engine) -> Iterator[Visitors]:
    yield from visit(browser, database_chaos)


def test_the_connection_is_cut_under_open_pages(visitors: Visitors) -> None:
    visitors.guard.allowed += PROVOKED
    cable = Cable()
    tabs = watch(visitors, cable.lay)
    cable.cut()
    for tab in tabs:
        tab.is_old()
    cable.repair()
    catch_up(tabs)


def test_valkey_restarts_under_open_pages(
    beside_valkey: Visitors, private_valkey: PrivateValkey
) -> None:
    tabs = watch(beside_valkey)
    private_valkey.kill()
    for tab in tabs:
        tab.is_old()
    private_valkey.start()
    catch_up(tabs)


@pytest.mark.nightly
def test_postgres_restarts_under_open_pages(
    beside_postgres: Visitors, private_postgres: PrivatePostgres
) -> None:
    tabs = watch(beside_postgres)
    connections.close_all()
    private_postgres.stop_at_once()
    for tab in tabs:
        tab.is_old()
    private_postgres.start()
    catch_up(tabs)
