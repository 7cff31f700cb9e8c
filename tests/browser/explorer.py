"""A person who tries everything: a random walk over the pages. After each move:

- the chip does not say Live while a topic that the page follows is older than three seconds, by
  what went over the socket (`check_chip`); nor when the socket falls silent (`_fall_silent`);
- a figure that leads to a list is the number of its rows (`_compare_figure`);
- nothing was destroyed or ended unless a question was answered (`count_harm`);
- the focus, if there was one, is not lost (`FOCUS`);
- the guard of the browser has seen no error in the console, no violation of the content security
  policy, no request to another host (the caller asks it).
"""

import time
from collections.abc import Callable
from random import Random
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Error as PlaywrightError

from tests.browser.invariants import (
    CHIP,
    FIGURES,
    FOCUS,
    SentAges,
    check_chip,
    count_harm,
    read_number,
)
from tests.hostiletext import HOSTILE

SETTLE_MS = 150
# The chip looks four times a second, and data is old after three seconds.
SILENCE_SECONDS = 3.8
# For figures to follow what this walk has changed: two reads, and the counts that are folded later.
FOLLOW_SECONDS = 5.0
_KEYS = ("Tab", "Shift+Tab", "Escape", "j", "k", "x", "ArrowDown", "ArrowRight", "?", "/")
_LEAVES = ("/admin/logout/", "/export", "/api/docs", "/static/")
_TEXTS = (
    HOSTILE,
    "<script>alert(1)</script>",
    "=1+1",
    "x" * 10_000,
    "9223372036854775808",
    "{",
    "",
)

# Visible elements of the page that is open; those below a dialog only while one is.
_VISIBLE = """(selector) => {
    const dialog = document.querySelector('dialog[open]');
    return [...(dialog ?? document).querySelectorAll(selector)].filter((each) =>
        each.checkVisibility({visibilityProperty: true}) && !each.disabled
        && each.getAttribute('aria-disabled') !== 'true');
}"""
# The answer to a form, which the browser would have to send again.
_NOT_KEPT = "ERR_CACHE_MISS"
_INTERRUPTED = ("interrupted by another navigation", "ERR_ABORTED")
# Moves on a page of the tour before the next one is opened.
_MOVES_A_PAGE = 3


class Explorer:
    """Walks over one page. Each move returns what it did, for the history of a failure. `tour` are
    addresses that are visited one after the other, `starts` are opened by chance."""

    def __init__(self, page: Any, random: Random, starts: list[str], tour: list[str]) -> None:
        self.page = page
        self.random = random
        self.starts = starts
        self.tour = tour
        self.history: list[str] = []
        self._ages = SentAges()
        self._may_harm = False
        self._changed = 0.0  # when this walk last changed what the figures count
        self._on_page = 0
        self._address = ""
        page.route_web_socket("**/ws/live", self._ages.relay)
        page.on("dialog", lambda dialog: dialog.dismiss())
        page.on("framenavigated", self._leave)
        self._moves: list[tuple[int, Callable[[], str]]] = [
            (4, self._open),
            (8, self._follow),
            (6, self._press_button),
            (3, self._answer),
            (8, self._press_key),
            (3, self._type),
            (2, self._go_back),
            (2, self._fall_silent),
            (2, self._watch_chip),
            (6, self._compare_figure),
        ]

    def step(self) -> None:
        """One move, and all checks. Raises AssertionError with the history."""
        move = self._choose_move()
        before = count_harm()
        was_focused = self.page.evaluate(FOCUS)
        self.page.evaluate("window.isSamePage = true")
        self._may_harm = False
        try:
            self.history.append(f"{move.__name__}: {move()}")
            self.page.wait_for_timeout(SETTLE_MS)
            self.page.wait_for_load_state()
            if not self._may_harm:
                worse = [what for what, count in count_harm().items() if count > before[what]]
                # A pause asks nothing where Undo is offered after it.
                if worse == ["schedules off"] and self.page.query_selector("[data-undo]"):
                    worse = []
                assert not worse, f"without a confirmation: {worse}"
            # Tab also leaves the page, past its last element.
            is_walking = move == self._press_key and self.history[-1].endswith("Tab")
            if was_focused and not is_walking and self.page.evaluate("window.isSamePage ?? false"):
                assert self.page.evaluate(FOCUS), "the focus was lost"
            check_chip(self.page, self._ages)
        except AssertionError as error:
            steps = "\n".join(self.history[-15:])
            raise AssertionError(f"{error}, at {self.page.url}, after:\n{steps}") from error

    def _choose_move(self) -> Callable[[], str]:
        self._on_page += 1
        if self.tour and self._on_page > _MOVES_A_PAGE:
            self._on_page = 0
            return self._visit
        weights, moves = zip(*self._moves, strict=True)
        move: Callable[[], str] = self.random.choices(moves, weights)[0]
        return move

    def _leave(self, frame: Any) -> None:
        address = frame.url.partition("#")[0]
        if frame == self.page.main_frame and address != self._address:
            self._address = address
            self._ages.forget()

    def _choose(self, selector: str) -> Any:
        found = self.page.evaluate_handle(_VISIBLE, selector)
        count = found.evaluate("(all) => all.length")
        if not count:
            return None
        number = self.random.randrange(count)
        return found.evaluate_handle("(all, number) => all[number]", number).as_element()

    def _open(self) -> str:
        address = self.random.choice(self.starts)
        self._go_to(address)
        return address

    def _go_to(self, address: str) -> None:
        """Once more if another navigation, of the move before, comes in between."""
        try:
            self.page.goto(address)
        except PlaywrightError as error:
            if not any(text in str(error) for text in _INTERRUPTED):
                raise
            self.page.wait_for_timeout(SETTLE_MS)
            self.page.goto(address)

    def _visit(self) -> str:
        """The next page of the tour, which is left out only after it was opened."""
        self._go_to(self.tour[0])
        return self.tour.pop(0)

    def _follow(self) -> str:
        link = self._choose("a[href]")
        address = link and link.evaluate("(each) => each.href")
        if not link or not self._is_ours(address):
            return "no link"
        link.click()
        return str(address)

    def _is_ours(self, address: str) -> bool:
        here, there = urlsplit(self.page.url), urlsplit(address)
        is_left = any(part in there.path for part in _LEAVES)
        return there.netloc == here.netloc and not is_left

    def _press_button(self) -> str:
        button = self._choose("main button, main [type=submit]")
        if button is None:
            return "no button"
        text = (button.text_content() or button.get_attribute("value") or "").strip()
        # Without the module of confirmations, the server asks by such a page.
        self._may_harm = button.evaluate(
            "(each) => Boolean(each.form?.querySelector('[name=post]'))"
        )
        self._changed = time.monotonic()
        button.click()
        return text

    def _answer(self) -> str:
        button = self._choose("dialog[open] button")
        if button is None:
            return "no dialog"
        self._may_harm = True
        self._changed = time.monotonic()
        text = (button.text_content() or "").strip()
        button.click()
        return text

    def _press_key(self) -> str:
        key = self.random.choice(_KEYS)
        self.page.keyboard.press(key)
        return key

    def _type(self) -> str:
        field = self._choose("main input[type=text], main input[type=search], main textarea")
        if field is None:
            return "no field"
        text = self.random.choice(_TEXTS)
        field.fill(text)
        return repr(text[:40])

    def _go_back(self) -> str:
        try:
            self.page.go_back()
        except PlaywrightError as error:
            if _NOT_KEPT not in str(error):
                raise
            return self._open()
        return str(self.page.url)

    def _fall_silent(self) -> str:
        """The socket stays open, and nothing comes any more."""
        if not self.page.evaluate(CHIP)["status"]:
            return "no live page"
        self._ages.is_silent = True
        self.page.wait_for_timeout(SILENCE_SECONDS * 1000)
        chip = self.page.evaluate(CHIP)
        self._ages.is_silent = False
        if not self.page.evaluate("window.isSamePage ?? false"):
            return "the page has loaded itself again"
        assert chip["status"] != "live", "the chip is Live with data older than 3 s"
        assert chip["isGrey"] or chip["status"] == "paused", "old figures are not grey"
        return str(chip["status"])

    def _watch_chip(self) -> str:
        """For as long as a topic may take to become old."""
        until = time.monotonic() + SILENCE_SECONDS
        while time.monotonic() < until:
            check_chip(self.page, self._ages)
            self.page.wait_for_timeout(SETTLE_MS)
        return str(self.page.evaluate(CHIP)["status"])

    def _compare_figure(self) -> str:
        """A number that leads to a list is the number of its rows."""
        quiet = time.monotonic() - self._changed
        self.page.wait_for_timeout(max(0.0, FOLLOW_SECONDS - quiet) * 1000)
        figure = self.random.choice(FIGURES)
        link = self._choose(figure.link)
        number = link and (link.query_selector(figure.number) if figure.number else link)
        text = number.inner_text().strip() if number else ""
        if not link or text != f"{int(read_number(text) or -1):,}":
            return f"no figure of {figure.name}"
        address = link.evaluate("(each) => each.href")
        self._go_to(address)
        shown = figure.read(self.page)
        # An estimate, or a number that is not counted, is no number.
        if read_number(shown):
            assert read_number(shown) == read_number(text), (
                f"{figure.name}: {text} leads to a list of {shown}: {address}"
            )
        return f"{figure.name}: {text} at {address}"
