"""Every page, in light and dark, on a desk and on a phone: no fault, accessible, no sideways
scroll, and every control is reached by Tab."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.axe import find_violations
from tests.browser.faults import answer_with_fault
from tests.browser.keyboard import find_unreached
from tests.browser.pages import MORE_PAGES, PAGES, Case
from tests.browser.visitors import HEIGHTS, Visitors
from tests.clients import staff_user
from tests.factories import make_stress_test
from tests.integration.admin.world import World
from tests.stress_driver import drive_to, end_tasks

# The rows are committed by the fixture of the module; a test itself writes nothing.
pytestmark = pytest.mark.django_db

# A folder for a picture of each page; none are made without it.
PICTURES = os.environ.get("BROWSER_PICTURES")


class Looks:
    """The seeded world, and a superuser who looks at it."""

    def __init__(self, visitors: Visitors) -> None:
        self.visitors = visitors
        # Only what has ended can be compared; the world's own test has not begun.
        self._rows = {"compare-stress-tests": make_ended_test()}
        self.world = World()
        self._tabs: dict[tuple[bool, str, int], Any] = {}
        self.person = staff_user("superuser", name="mira.okafor")
        visitors.log_in(self.person)

    def open(self, case: Case, theme: str, width: int) -> Any:
        page = self._tab(case, theme, width)
        page.set_viewport_size({"width": width, "height": HEIGHTS[width]})
        address = case.url(lambda label: self._rows.get(case.name) or self.world.row(label))
        if case.status == 500:
            page.route(f"**{address}", answer_with_fault)
        response = page.goto(address)
        if case.status == 500:
            page.unroute_all()
        assert response.status == case.status
        # A page that loads itself again must not do so while it is looked at.
        page.evaluate("document.querySelector('[data-reload] button')?.click()")
        return page

    def turn(self, page: Any, case: Case, theme: str, width: int) -> None:
        """Show the page in this theme and width."""
        page.evaluate("theme => { document.documentElement.dataset.theme = theme; }", theme)
        page.set_viewport_size({"width": width, "height": HEIGHTS[width]})
        if PICTURES:
            folder = Path(PICTURES)
            folder.mkdir(parents=True, exist_ok=True)
            page.screenshot(path=folder / f"{case.name}-{width}-{theme}.png", full_page=True)

    def _tab(self, case: Case, theme: str, width: int) -> Any:
        key = (case.is_anonymous, theme, width)
        if key not in self._tabs:
            person = None if case.is_anonymous else self.person
            self._tabs[key] = self.visitors.page(person, theme, width)
        return self._tabs[key]


def make_ended_test() -> Any:
    """A stress test that has run, with its report."""
    test = make_stress_test(1, name="before")
    drive_to(test, "SETTLING")
    end_tasks(test)
    return drive_to(test, "DONE")


@pytest.fixture(scope="module")
def looks(browser: Any, server: str, committed_rows: None) -> Iterator[Looks]:
    visitors = Visitors(browser, server)
    yield Looks(visitors)
    visitors.close()


# Before a change is taken each theme and each width is looked at once; at night each with each. The
# second look of a pair is at the same page: the theme is an attribute, and widths are rules of CSS.
_PAIRS = {
    "light-1440-dark-390": [("light", 1440), ("dark", 390)],
    "light-390-dark-1440": [("light", 390), ("dark", 1440)],
}
# The pages that operators open most, and a few of each other kind.
_BEFORE_A_CHANGE = {
    "overview", "tasks", "task", "new-task", "queues", "queue", "performance", "inbox", "failure",
    "letters", "letter", "replay", "operation", "new-operation", "save-view", "workflow", "run",
    "schedules", "schedule", "nodes", "node", "fleet", "decision", "stress-test", "audit",
    "audit-event", "settings-queues", "settings-members", "delete-user", "user", "refused",
    "fault", "member-add", "schedule-delete",
}  # fmt: skip
# Narrow, just above the widths at which the style sheets change, and wide.
_BETWEEN = (480, 721, 1181, 2560)


def _list_looks() -> Iterator[Any]:
    for case in [*PAGES, *MORE_PAGES]:
        marks = [pytest.mark.ci] if case.name in _BEFORE_A_CHANGE else []
        for number, (name, pair) in enumerate(_PAIRS.items()):
            yield pytest.param(case, pair, id=f"{case.name}-{name}", marks=[] if number else marks)


@pytest.mark.parametrize(("case", "pair"), list(_list_looks()))
def test_a_page_is_sound(looks: Looks, case: Case, pair: list[tuple[str, int]]) -> None:
    guard = looks.visitors.guard
    guard.faults.clear()
    guard.allowed = [f"a status of {case.status} "] if case.status >= 400 else []
    page = looks.open(case, *pair[0])
    for theme, width in pair:
        looks.turn(page, case, theme, width)
        assert find_violations(page) == [], (theme, width)
        _require_no_sideways_scroll(page, width)
        if (theme, width) in (("light", 1440), ("dark", 390)):  # the same in both themes
            assert find_unreached(page) == [], (theme, width)
    for width in _BETWEEN:
        page.set_viewport_size({"width": width, "height": 900})
        _require_no_sideways_scroll(page, width)
    guard.check()


def _require_no_sideways_scroll(page: Any, width: int) -> None:
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= width, f"the page is {wide} px wide in a window of {width} px"
