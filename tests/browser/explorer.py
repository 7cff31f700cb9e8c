"""A person who tries everything: a random walk over the pages. After each move:

- the chip does not say Live while a topic that the page follows is older than three seconds, by
  what went over the socket (`check_chip`); nor when the socket falls silent (`_fall_silent`), and
  what is old is grey then;
- while it says Live, the page shows what the database has (`_watch_page`);
- a figure that leads to a list is the number of its rows (`_compare_figure`);
- nothing was destroyed or ended unless a question was answered (`count_harm`);
- the focus, if there was one, is not lost (`HAS_LOST_FOCUS`);
- the guard of the browser has seen no error in the console, no violation of the content security
  policy, no request to another host (the caller asks it).

`looked` counts what was judged: a walk that has looked at nothing has found nothing.
"""

import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from random import Random
from typing import Any
from urllib.parse import urlsplit

from django.urls import reverse
from playwright.sync_api import Error as PlaywrightError

from controlplane.core.clock import now
from tests.browser.comparing import NUMBERED, Comparison, NothingToCompare
from tests.browser.invariants import (
    CHIP,
    FIGURES,
    HAS_FOCUS,
    HAS_LOST_FOCUS,
    Figure,
    SentAges,
    check_chip,
    check_grey,
    count_harm,
)
from tests.browser.shown import WATCH_SECONDS, Watch
from tests.browser.writer import Writer
from tests.hostiletext import HOSTILE

SETTLE_MS = 150
# The chip looks four times a second, and data is old after three seconds.
SILENCE_SECONDS = 3.8
# What each walk must have looked at: figures that were compared with their lists, figures that have
# moved and were followed, pages whose figures were old and grey.
LEAST = {"compared": 2, "followed": 1, "grey": 1}
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
    addresses that are visited one after the other, `starts` are opened by chance; `writer` changes
    what the pages show."""

    def __init__(
        self, page: Any, random: Random, starts: list[str], tour: list[str], writer: Writer
    ) -> None:
        self.page = page
        self.random = random
        self.starts = starts
        self.tour = tour
        self.writer = writer
        self.looked: Counter[str] = Counter()
        self.history: list[str] = []
        self._ages = SentAges()
        self._may_harm = False
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
            (3, self._watch_page),
            (6, self._compare_figure),
        ]

    @property
    def lacking(self) -> list[str]:
        """What this walk has looked at too rarely."""
        return [name for name, least in LEAST.items() if self.looked[name] < least]

    def make_up(self) -> None:
        """Do what chance has left out, on the page that has all of it."""
        moves = {
            "compared": self._compare_figure,
            "followed": self._watch_page,
            "grey": self._fall_silent,
        }
        for name in self.lacking:
            self.step(self._open_overview)
            self.step(moves[name])

    def step(self, move: Callable[[], str] | None = None) -> None:
        """One move, by chance unless it is given, and all checks. Raises AssertionError with the
        history."""
        move = move or self._choose_move()
        began = now()
        before = count_harm(began)
        was_focused = self.page.evaluate(HAS_FOCUS)
        self._may_harm = False
        try:
            self.history.append(f"{move.__name__}: {move()}")
            self.page.wait_for_timeout(SETTLE_MS)
            self.page.wait_for_load_state()
            if not self._may_harm:
                after = count_harm(began)
                worse = [what for what, count in after.items() if count > before[what]]
                # A pause asks nothing where Undo is offered after it.
                if worse == ["schedules off"] and self.page.query_selector("[data-undo]"):
                    worse = []
                assert not worse, f"without a confirmation: {worse}"
            # Tab also leaves the page, past its last element.
            is_walking = move == self._press_key and self.history[-1].endswith("Tab")
            if was_focused and not is_walking:
                assert not self.page.evaluate(HAS_LOST_FOCUS), "the focus was lost"
            check_chip(self.page, self._ages)
            self.writer.check()
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
        return self._choose_of(self.page.evaluate_handle(_VISIBLE, selector))

    def _choose_of(self, found: Any) -> Any:
        count = found.evaluate("(all) => all.length")
        if not count:
            return None
        number = self.random.randrange(count)
        return found.evaluate_handle("(all, number) => all[number]", number).as_element()

    def _open(self) -> str:
        address = self.random.choice(self.starts)
        self._go_to(address)
        return address

    def _open_overview(self) -> str:
        """That of the workspace in which the writer writes."""
        address = f"{reverse('admin:index')}?workspace=default"
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
        # That of a link within a picture, such as a graph, is no text.
        read = "(each) => new URL(each.getAttribute('href'), document.baseURI).href"
        address = link.evaluate(read) if link else ""
        if not link or not self._is_ours(address):
            return "no link"
        link.click()
        return address

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
        button.click()
        return text

    def _answer(self) -> str:
        button = self._choose("dialog[open] button")
        if button is None:
            return "no dialog"
        self._may_harm = True
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
        if self.page.evaluate(CHIP)["status"] in ("", "over"):
            return "no live page"
        self._ages.is_silent = True
        try:
            self.page.wait_for_timeout(SILENCE_SECONDS * 1000)
            chip = self.page.evaluate(CHIP)
        finally:
            self._ages.is_silent = False
        if not self.page.evaluate("window.isSamePage ?? false"):
            return "the page has loaded itself again"
        assert chip["status"] != "live", "the chip is Live with data older than 3 s"
        if chip["status"] != "paused":
            check_grey(chip)
            self.looked["grey"] += chip["figures"] > 0
        return str(chip["status"])

    def _watch_page(self) -> str:
        """For as long as a topic may take to become old, beside the database."""
        watch = Watch(self.page)
        until = time.monotonic() + WATCH_SECONDS
        while time.monotonic() < until:
            watch.look()
            check_chip(self.page, self._ages)
            self.page.wait_for_timeout(SETTLE_MS)
        watch.check()
        self.looked["followed"] += watch.followed
        return str(self.page.evaluate(CHIP)["status"])

    def _compare_figure(self) -> str:
        """A number that leads to a list is the number of its rows."""
        for figure in self.random.sample(FIGURES, len(FIGURES)):
            find = partial(self._find_numbers, figure)
            link = self._choose_of(find())
            if link is None:
                continue
            comparison = Comparison(self.page, figure, find, self._go_to)
            try:
                comparison.compare(link, self.writer.still)
            except NothingToCompare:
                return f"{figure.name}: nothing to compare at {comparison.address}"
            self.looked["compared"] += 1
            return f"{figure.name} at {comparison.address}"
        return "no figure"

    def _find_numbers(self, figure: Figure) -> Any:
        visible = self.page.evaluate_handle(_VISIBLE, figure.link)
        return visible.evaluate_handle(NUMBERED, figure.number)
