"""A person who tries everything: moves of a random walk over the pages, and what must be true after
each of them."""

import re
import time
from collections.abc import Callable
from random import Random
from typing import Any
from urllib.parse import urlsplit

from django.contrib.auth import get_user_model

from controlplane.ops.schedules.models import Schedule
from dlq.models import DeadLetter
from tasks_app.models import Task
from tests.hostiletext import HOSTILE
from workers.models import Node

SETTLE_MS = 150
# The chip looks four times a second, and data is old after three seconds.
SILENCE_SECONDS = 3.8
_KEYS = ("Tab", "Shift+Tab", "Escape", "j", "k", "x", "ArrowDown", "ArrowRight", "?", "/")
_LEAVES = ("/admin/logout/", "/export", "/api/docs", "/static/")
_LIST_OF_TASKS = "/admin/tasks_app/task/"
_TEXTS = (
    HOSTILE,
    "<script>alert(1)</script>",
    "=1+1",
    "x" * 10_000,
    "9223372036854775808",
    "{",
    "",
)
_COUNT = re.compile(r"[\d,]+")

# Visible elements of the page that is open; those below a dialog only while one is.
_VISIBLE = """(selector) => {
    const dialog = document.querySelector('dialog[open]');
    return [...(dialog ?? document).querySelectorAll(selector)].filter((each) =>
        each.checkVisibility({visibilityProperty: true}) && !each.disabled
        && each.getAttribute('aria-disabled') !== 'true');
}"""
_FOCUS = """() => {
    const focused = document.activeElement;
    return focused !== null && focused !== document.body;
}"""
_CHIP = """() => {
    const chip = document.getElementById('live-chip');
    return {
        status: chip && !chip.hidden ? chip.dataset.status : '',
        isGrey: document.body.classList.contains('is-stale'),
    };
}"""


class Explorer:
    """Walks over one page. Each move returns what it did, for the history of a failure."""

    def __init__(self, page: Any, random: Random, starts: list[str]) -> None:
        self.page = page
        self.random = random
        self.starts = starts
        self.history: list[str] = []
        self._is_silent = False
        self._may_harm = False
        self._changed = 0.0  # when this walk last changed what the figures count
        page.route_web_socket("**/ws/live", self._relay)
        page.on("dialog", lambda dialog: dialog.dismiss())
        self._moves: list[tuple[int, Callable[[], str]]] = [
            (4, self._open),
            (8, self._follow),
            (6, self._press_button),
            (3, self._answer),
            (8, self._press_key),
            (3, self._type),
            (2, self._go_back),
            (2, self._fall_silent),
            (6, self._compare_figure),
        ]

    def step(self) -> None:
        """One move, and all checks. Raises AssertionError with the history."""
        weights, moves = zip(*self._moves, strict=True)
        move = self.random.choices(moves, weights)[0]
        before = _harm()
        was_focused = self.page.evaluate(_FOCUS)
        self.page.evaluate("window.isSamePage = true")
        self._may_harm = False
        try:
            self.history.append(f"{move.__name__}: {move()}")
            self.page.wait_for_timeout(SETTLE_MS)
            self.page.wait_for_load_state()
            if not self._may_harm:
                worse = [what for what, count in _harm().items() if count > before[what]]
                assert not worse, f"without a confirmation: {worse}"
            # Tab also leaves the page, past its last element.
            is_walking = move == self._press_key and self.history[-1].endswith("Tab")
            if was_focused and not is_walking and self.page.evaluate("window.isSamePage ?? false"):
                assert self.page.evaluate(_FOCUS), "the focus was lost"
        except AssertionError as error:
            steps = "\n".join(self.history[-15:])
            raise AssertionError(f"{error}, at {self.page.url}, after:\n{steps}") from error

    def _relay(self, socket: Any) -> None:
        server = socket.connect_to_server()
        server.on_message(lambda text: None if self._is_silent else socket.send(text))

    def _choose(self, selector: str) -> Any:
        found = self.page.evaluate_handle(_VISIBLE, selector)
        count = found.evaluate("(all) => all.length")
        if not count:
            return None
        number = self.random.randrange(count)
        return found.evaluate_handle("(all, number) => all[number]", number).as_element()

    def _open(self) -> str:
        address = self.random.choice(self.starts)
        self.page.goto(address)
        return address

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
        self.page.go_back()
        return self.page.url

    def _fall_silent(self) -> str:
        """The socket stays open, and nothing comes any more."""
        if not self.page.evaluate(_CHIP)["status"]:
            return "no live page"
        self._is_silent = True
        self.page.wait_for_timeout(SILENCE_SECONDS * 1000)
        chip = self.page.evaluate(_CHIP)
        self._is_silent = False
        assert chip["status"] != "live", "the chip is Live with data older than 3 s"
        assert chip["isGrey"] or chip["status"] == "paused", "old figures are not grey"
        return chip["status"]

    def _compare_figure(self) -> str:
        """A number that leads to a list of tasks is the number of its rows."""
        quiet = time.monotonic() - self._changed
        self.page.wait_for_timeout(max(0.0, 3 - quiet) * 1000)  # for the figures to follow
        link = self._choose(f"main a[href*='{_LIST_OF_TASKS}?']:not([rel])")
        text = link and (link.inner_text() or "").strip()
        if not link or not _COUNT.fullmatch(text):
            return "no figure"
        address = link.evaluate("(each) => each.href")
        self.page.goto(address)
        shown = self.page.locator(".state-tabs [aria-current] b").inner_text().strip()
        if _COUNT.fullmatch(shown):
            assert shown == text, f"{text} leads to a list of {shown}: {address}"
        return f"{text} at {address}"


def _harm() -> dict[str, int]:
    """Numbers that grow when something is destroyed or ended."""
    return {
        "tasks deleted": -Task.objects.count(),
        "tasks cancelled": Task.objects.filter(state="CANCELLED").count(),
        "letters closed": -DeadLetter.objects.filter(status="OPEN").count(),
        "nodes drained": -Node.objects.filter(state="ACTIVE").count(),
        "schedules off": -Schedule.objects.filter(periodic_task__enabled=True).count(),
        "people deleted": -get_user_model().objects.count(),
    }
