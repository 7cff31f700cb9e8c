"""What must be true on every page at every moment; tests/browser/explorer.py asks for it."""

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import Q

from controlplane.core.clock import parse_time
from controlplane.ops.schedules.models import Schedule
from controlplane.workspaces.models import ApiKey, Membership, Workspace
from dlq.models import DeadLetter
from tasks_app.models import Task
from workers.models import Node
from workflows.models import Workflow, WorkflowRun

OLD_SECONDS = 3.0
# The chip looks four times a second; the rest is for a browser beside other work.
SLACK_SECONDS = 0.75
# What the chip says when figures must be grey.
OLD = ("delayed", "disconnected")
_COUNT = re.compile(r"[\d,]+")

# A page may load itself again at any moment: each of these is one look at one page.
HAS_FOCUS = """() => {
    window.isSamePage = true;
    return (document.activeElement ?? document.body) !== document.body;
}"""
HAS_LOST_FOCUS = """() =>
    (window.isSamePage ?? false) && (document.activeElement ?? document.body) === document.body"""
# `strong` are figures in another colour than that of captions; what can be pressed keeps its own.
CHIP = """() => {
    const chip = document.getElementById('live-chip');
    const status = chip && !chip.hidden ? chip.dataset.status : '';
    const colourOf = (each) => getComputedStyle(each).color;
    const figures = [...document.querySelectorAll('[data-live]:not([data-attribute])')].filter(
        (each) => each.checkVisibility({visibilityProperty: true})
            && !each.closest('a:hover, button, .button, summary'));
    const faint = status && colourOf(document.getElementById('live-age'));
    const strong = status ? figures.filter((each) => colourOf(each) !== faint) : [];
    return {
        status,
        isGrey: document.body.classList.contains('is-stale'),
        figures: figures.length,
        strong: strong.slice(0, 3).map((each) => each.outerHTML.slice(0, 200)),
        drawnAt: Date.parse(document.querySelector('[data-drawn-at]')?.dataset.drawnAt) / 1000 || 0,
    };
}"""


class SentAges:
    """What went over the socket of a page, and how old that is by the clock of the tests: a second
    opinion on what the page's own scripts make of it."""

    def __init__(self) -> None:
        self.is_silent = False
        self._read_at: dict[str, float | None] = {}

    def relay(self, socket: Any) -> None:
        """Stand between a page and the server."""
        self._read_at = {}
        server = socket.connect_to_server()

        def send(text: str) -> None:
            self._see_request(json.loads(text))
            server.send(text)

        def receive(text: str) -> None:
            if not self.is_silent:
                self._see_message(json.loads(text))
                socket.send(text)

        socket.on_message(send)
        server.on_message(receive)

    def forget(self) -> None:
        """Another page."""
        self._read_at = {}

    def oldest_seconds(self, drawn_at: float = 0.0) -> float:
        """The age of the oldest topic that the page follows and has; 0 without one. A page shows
        nothing that was read before it was drawn."""
        known = [max(at, drawn_at) for at in self._read_at.values() if at is not None]
        return max(0.0, time.time() - min(known)) if known else 0.0

    def _see_request(self, message: dict[str, Any]) -> None:
        for name in message.get("unsubscribe", []):
            self._read_at.pop(name, None)
        for name in message.get("subscribe", []):
            self._read_at.setdefault(name, None)

    def _see_message(self, message: dict[str, Any]) -> None:
        kind, name = message["kind"], message.get("topic", "")
        if kind in ("gone", "error"):
            self._read_at.pop(name, None)
        elif kind in ("snapshot", "change") and name in self._read_at:
            self._read_at[name] = _seconds(message["at"])
        elif kind == "heartbeat":
            for each, at in message["topics"].items():
                if at is not None and self._read_at.get(each) is not None:
                    self._read_at[each] = _seconds(at)


def _seconds(text: str) -> float:
    return parse_time(text).timestamp()


def check_chip(page: Any, ages: SentAges) -> None:
    """When the data is older than three seconds, the chip does not say Live, and figures are
    grey."""
    before = ages.oldest_seconds()
    chip = page.evaluate(CHIP)
    age = ages.oldest_seconds(chip["drawnAt"])
    # A page that was left in between has other topics.
    if age <= OLD_SECONDS + SLACK_SECONDS or ages.oldest_seconds() < before:
        return
    assert chip["status"] != "live", f"the chip is Live, and a topic is {age:.1f} s old"
    if chip["status"] in OLD:
        check_grey(chip)


def check_grey(chip: dict[str, Any]) -> None:
    """Old figures have the colour of captions."""
    assert chip["isGrey"], "old figures are not grey"
    assert not chip["strong"], f"old, and not grey: {chip['strong']}"


def count_harm(until: datetime) -> dict[str, int]:
    """Numbers that grow when something is destroyed or ended that was there at that time."""
    there = Q(created_at__lte=until)
    # One that runs is cancelled later than somebody asks for it.
    cancelled = Q(state="CANCELLED") | Q(cancel_requested_at__isnull=False)
    return {
        "tasks deleted": -Task.objects.filter(there).count(),
        "tasks cancelled": Task.objects.filter(cancelled).count(),
        "letters closed": -DeadLetter.objects.filter(there, status="OPEN").count(),
        "nodes drained": -Node.objects.filter(state="ACTIVE").count(),
        "schedules off": -Schedule.objects.filter(periodic_task__enabled=True).count(),
        "runs ended": WorkflowRun.objects.filter(state="CANCELLED").count(),
        "workflows deleted": -Workflow.objects.count(),
        "keys revoked": -ApiKey.objects.filter(revoked_at=None).count(),
        "members removed": -Membership.objects.count(),
        "workspaces deleted": -Workspace.objects.count(),
        "people deleted": -get_user_model().objects.count(),
    }


@dataclass(frozen=True, slots=True)
class Figure:
    """A number on a page that leads to a list. `link` is what is clicked, `number` the element in
    it that has the figure (empty: the link itself); `read` finds the same number on the page of
    the list."""

    name: str
    link: str
    read: Callable[[Any], str]
    number: str = ""


def _text_of(selector: str) -> Callable[[Any], str]:
    return lambda page: str(page.locator(selector).first.inner_text())


def _count_wrong(page: Any) -> str:
    title = str(page.locator("#title-situation").inner_text())
    words = {"Nothing": "0", "One": "1"}
    first = title.split()[0]
    return words.get(first, first)


def _count_lost(page: Any) -> str:
    summary = str(page.locator("#nodes-title ~ .panel-note").inner_text())
    found = re.search(r"(\d+) lost", summary)
    return found.group(1) if found else "0"


_TASKS = "/admin/tasks_app/task/?"
_INBOX = "/admin/dlq/lettergroup/"
_OPEN_LETTERS = ".sentence [data-live='navigation#deadLetters']"
FIGURES = (
    Figure(
        "tasks", f"main a[href*='{_TASKS}']:not([rel])", _text_of(".state-tabs [aria-current] b")
    ),
    Figure(
        "key figure of tasks",
        f"main a.figure[href*='{_TASKS}']",
        _text_of(".state-tabs [aria-current] b"),
        ".figure-value > :first-child",
    ),
    Figure(
        "key figure of letters",
        f"main a.figure[href*='{_INBOX}']",
        _text_of(_OPEN_LETTERS),
        ".figure-value > :first-child",
    ),
    Figure(
        "open letters",
        ".navigation a:has([data-count='dead-letters']:not([hidden]))",
        _text_of(_OPEN_LETTERS),
        "[data-sum]",
    ),
    Figure(
        "lost", ".navigation a:has([data-count='lost']:not([hidden]))", _count_lost, "[data-sum]"
    ),
    Figure(
        "wrong", ".navigation a:has([data-count='wrong']:not([hidden]))", _count_wrong, "[data-sum]"
    ),
)


def read_number(text: str) -> str:
    """The number that a text begins with, without separators; empty if it is none."""
    found = _COUNT.match(text.strip())
    return found.group().replace(",", "") if found else ""
