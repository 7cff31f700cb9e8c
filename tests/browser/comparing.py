"""A figure and the list that it leads to."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from tests.browser.invariants import Figure, read_number

_TRIES = 3
_PATIENCE_SECONDS = 20.0
# Elements whose text, or that of an element inside, is a number and nothing else.
NUMBERED = """(all, number) => all.filter((each) => {
    const figure = number ? each.querySelector(number) : each;
    return /^\\d{1,3}(,\\d{3})*$/.test((figure?.innerText ?? '').trim());
})"""
_SAME = """(all, address) => all.find((each) => each.href === address)"""


class NothingToCompare(Exception):  # noqa: N818 - it is no error
    """The figure is no longer there, or its list is not counted."""


class Comparison:
    """`find` gives the visible links of a figure that show a number, `go_to` opens an address."""

    def __init__(
        self, page: Any, figure: Figure, find: Callable[[], Any], go_to: Callable[[str], None]
    ) -> None:
        self._page = page
        self._figure = figure
        self._find = find
        self._go_to = go_to
        self._origin = str(page.url)
        self.address = ""

    def compare(self, link: Any, still: Callable[[], AbstractContextManager[None]]) -> None:
        """Raises AssertionError if the numbers differ, NothingToCompare if there is none. Inside
        `still()` nobody writes."""
        self.address = link.evaluate("(each) => each.href")
        if self._lies_between(self._number_of(link)):
            return
        until = time.monotonic() + _PATIENCE_SECONDS
        with still():
            while True:
                shown, listed = self._read_figure(), self._read_list()
                if shown == listed:
                    return
                assert time.monotonic() < until, (
                    f"{self._figure.name}: {shown} leads to a list of {listed}: {self.address}"
                )

    def _lies_between(self, before: int) -> bool:
        """While rows come and go, the list has a number between what the page says before and
        after."""
        for _ in range(_TRIES):
            listed, after = self._read_list(), self._read_figure()
            if min(before, after) <= listed <= max(before, after):
                return True
            before = after
        return False

    def _read_list(self) -> int:
        self._go_to(self.address)
        # An estimate, or a number that is not counted, is no number.
        shown = read_number(self._figure.read(self._page))
        if not shown:
            raise NothingToCompare
        return int(shown)

    def _read_figure(self) -> int:
        self._go_to(self._origin)
        link = self._find().evaluate_handle(_SAME, self.address).as_element()
        if link is None:
            raise NothingToCompare
        return self._number_of(link)

    def _number_of(self, link: Any) -> int:
        number = link.query_selector(self._figure.number) if self._figure.number else link
        text = read_number(number.inner_text()) if number else ""
        if not text:  # it has changed since it was found
            raise NothingToCompare
        return int(text)
