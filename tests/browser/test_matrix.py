"""Every page, in light and dark, on a desk and on a phone: no fault, accessible, no sideways
scroll, and every control is reached by Tab."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.axe import find_violations
from tests.browser.keyboard import find_unreached
from tests.browser.pages import PAGES, Case
from tests.browser.visitors import HEIGHTS, Visitors
from tests.clients import staff_user
from tests.integration.admin.world import World

# The rows are committed by the fixture of the module; a test itself writes nothing.
pytestmark = pytest.mark.django_db

# A folder for a picture of each page; none are made without it.
PICTURES = os.environ.get("BROWSER_PICTURES")


class Looks:
    """The seeded world, and a superuser who looks at it."""

    def __init__(self, visitors: Visitors) -> None:
        self.visitors = visitors
        self.world = World()
        self._tabs: dict[tuple[bool, str, int], Any] = {}
        self.person = staff_user("superuser", name="mira.okafor")
        visitors.log_in(self.person)

    def open(self, case: Case, theme: str, width: int) -> Any:
        page = self._tab(case, theme, width)
        page.set_viewport_size({"width": width, "height": HEIGHTS[width]})
        response = page.goto(case.url(self.world.row))
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


@pytest.fixture(scope="module")
def looks(browser: Any, server: str, committed_rows: None) -> Iterator[Looks]:
    visitors = Visitors(browser, server)
    yield Looks(visitors)
    visitors.close()


# Before a change is taken each theme and each width is looked at once; at night each with each. The
# second look of a pair is at the same page: the theme is an attribute, and widths are rules of CSS.
_PAIRS = [
    pytest.param([("light", 1440), ("dark", 390)], id="light-1440-dark-390", marks=pytest.mark.ci),
    pytest.param([("light", 390), ("dark", 1440)], id="light-390-dark-1440"),
]
# Narrow, just above the widths at which the style sheets change, and wide.
_BETWEEN = (480, 721, 1181, 2560)


@pytest.mark.parametrize("pair", _PAIRS)
@pytest.mark.parametrize("case", PAGES, ids=lambda case: case.name)
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
