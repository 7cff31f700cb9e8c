"""The corpus on every page of a real browser: nothing executes, nothing breaks, text is text."""

from collections.abc import Iterator, Mapping
from itertools import cycle
from typing import Any

import pytest
from django.urls import reverse

from tests.browser.axe import find_violations
from tests.browser.pages import PAGES, Case
from tests.browser.visitors import HEIGHTS, Visitors
from tests.clients import staff_user
from tests.corpusworld import CorpusWorld

# The rows are committed by the fixture of the module; a test of the matrix itself writes nothing.
pytestmark = pytest.mark.django_db

LISTS = [case for case in PAGES if not case.row and case.status == 200]
DETAILS = [case for case in PAGES if case.row]
# One text of each kind, for the pages of single rows before a change is taken.
FEW = ("handler", "closing", "C1", "Hebrew", "long word", "many lines", "pointer", "combining")
WIDE, NARROW = 1440, 390
QUICK = {"overview", "tasks", "queues", "letters", "handler", "Hebrew", "long word"}

# What a text has done that is more than a text.
DAMAGE = """() => [
    window.__executed === undefined ? '' : 'a script ran',
    ({}).polluted === undefined ? '' : 'the prototype is polluted',
    document.querySelector('[onerror], [onload], [onfocus], [onmouseover]') ? 'a handler' : '',
    document.querySelector('main').checkVisibility() ? '' : 'the page is hidden',
].filter(Boolean)"""
# Words that stand to the right of a later word of their line, where the page has letters that are
# written from right to left. Those letters' own text is not looked at.
_TURNED = """() => {
    const foreign = /[\\u0590-\\u08ff\\ufb1d-\\ufefc]/u;
    const inline = ['inline', 'none', 'contents'];
    const known = new Map();
    // Whether an element is inline itself, and whether all below it are.
    const look = (each) => {
        if (!known.has(each)) {
            const isInline = inline.includes(getComputedStyle(each).display);
            const below = [...each.children].map(look);
            known.set(each, {isInline, isText: below.every((one) => one.isInline && one.isText)});
        }
        return known.get(each);
    };
    const blocks = [...document.querySelectorAll('main *, header *, nav *')].filter((each) =>
        !look(each).isInline && look(each).isText && foreign.test(each.textContent));
    const found = new Set();
    for (const block of blocks) {
        const walker = document.createTreeWalker(block, NodeFilter.SHOW_TEXT);
        const words = [];
        while (walker.nextNode()) {
            const node = walker.currentNode;
            if (foreign.test(node.data.trim()[0] ?? '')) continue;
            if (node.parentElement.closest('.visually-hidden, pre')) continue;
            const own = node.data.replace(/\\u2068.*?\\u2069/gsu,
                (text) => '\\u2068'.repeat(text.length));
            for (const word of own.matchAll(/[A-Za-z]{2,}/g)) {
                const range = document.createRange();
                range.setStart(node, word.index);
                range.setEnd(node, word.index + word[0].length);
                const box = range.getClientRects()[0];
                if (box) words.push([word[0], box]);
            }
        }
        words.slice(1).forEach(([word, box], n) => {
            const [before, beside] = words[n];
            const isSameLine = Math.abs(beside.top - box.top) < 3;
            if (isSameLine && box.left < beside.left) found.add(`${word} before ${before}`);
        });
    }
    return [...found];
}"""


# Elements that reach beyond the window, and stand in no box that scrolls or cuts.
_WIDE = """(width) => [...document.querySelectorAll('body *')].filter((each) => {
    if (each.getBoundingClientRect().right <= width + 1) return false;
    for (let above = each; above && above !== document.body; above = above.parentElement) {
        if (getComputedStyle(above).overflowX !== 'visible') return false;
    }
    return true;
}).slice(-3).map((each) => `${each.tagName} ${each.className}`)"""


class Tab:
    """A page of the superuser, in a context of its own, whose guard sees no other page."""

    def __init__(self, visitors: Visitors, person: Any) -> None:
        self._guard = visitors.guard
        self._widths = [WIDE, NARROW]
        self.page = visitors.page(person, "light", WIDE)

    def open(self, address: str) -> None:
        """Returns as soon as the server answers."""
        self._guard.faults.clear()
        answer = self.page.goto(address, wait_until="commit")
        assert answer.status == 200, f"{answer.status} of {address}"

    def find_faults(self, *, is_accessible: bool) -> list[str]:
        """What is wrong with the page at both widths. The next page is opened at the second one."""
        self.page.wait_for_load_state()
        self.page.evaluate("document.querySelector('[data-reload] button')?.click()")
        found: list[str] = self.page.evaluate(DAMAGE)
        if not self.page.title():
            found.append("no title")
        for width in self._widths:
            self.page.set_viewport_size({"width": width, "height": HEIGHTS[width]})
            found += self._faults_at(width)
            if is_accessible:
                found += find_violations(self.page)
        self._widths.reverse()
        return [*found, *self._guard.faults]

    def _faults_at(self, width: int) -> list[str]:
        seen = self.page.evaluate("document.documentElement.scrollWidth")
        found = [f"{seen} px wide: {self.page.evaluate(_WIDE, width)}"] if seen > width else []
        return [*found, *self.page.evaluate(_TURNED)] if width == WIDE else found


class Looks:
    """The world, and a superuser who looks at it with two tabs."""

    def __init__(self, visitors: list[Visitors]) -> None:
        self.world = CorpusWorld()
        person = staff_user("superuser", name="mira.okafor")
        self._tabs = [Tab(each, person) for each in visitors]

    def find_faults(
        self, pages: Mapping[str, str], *, is_accessible: bool = False
    ) -> dict[str, list[str]]:
        """What is wrong with these addresses, by name. While the browser lays one page out, the
        server makes the next."""
        faults = {}
        before: tuple[str, Tab] | None = None
        for (name, address), tab in zip(pages.items(), cycle(self._tabs)):
            tab.open(address)
            if before:
                faults[before[0]] = before[1].find_faults(is_accessible=is_accessible)
            before = name, tab
        if before:
            faults[before[0]] = before[1].find_faults(is_accessible=is_accessible)
        return {name: found for name, found in faults.items() if found}

    def open(self, address: str) -> Any:
        self._tabs[0].open(address)
        self._tabs[0].page.wait_for_load_state()
        return self._tabs[0].page


@pytest.fixture(scope="module")
def looks(browser: Any, server: str, committed_rows: None) -> Iterator[Looks]:
    visitors = [Visitors(browser, server) for _ in range(2)]
    yield Looks(visitors)
    for each in visitors:
        each.close()


def marked(values: dict[str, Any]) -> list[Any]:
    """The most useful pages and texts also run before a change is taken."""
    return [
        pytest.param(value, id=name, marks=[pytest.mark.ci] if name in QUICK else [])
        for name, value in values.items()
    ]


@pytest.mark.parametrize("case", marked({case.name: case for case in LISTS}))
def test_a_page_shows_text(looks: Looks, case: Case) -> None:
    address = case.url(lambda _: None)
    assert looks.find_faults({case.name: address}, is_accessible=True) == {}


@pytest.mark.parametrize("case", DETAILS, ids=lambda case: case.name)
def test_the_page_of_each_row_shows_text(looks: Looks, case: Case) -> None:
    rows = looks.world.rows.get(case.row, {})
    pages = {name: case.url(lambda _, row=row: row) for name, row in rows.items()}
    assert looks.find_faults(pages) == {}


@pytest.mark.parametrize("name", marked({name: name for name in FEW}))
def test_the_pages_of_some_rows_show_text(looks: Looks, name: str) -> None:
    pages = {
        page: reverse(f"admin:{page}", args=[looks.world.row(label, name).pk])
        for label, page in (
            ("tasks_app.Task", "tasks_app_task_change"),
            ("tasks_app.Queue", "tasks_app_queue_change"),
            ("dlq.DeadLetter", "dlq_deadletter_change"),
            ("workers.Node", "workers_node_change"),
            ("workflows.WorkflowRun", "workflows_workflowrun_change"),
        )
    }
    assert looks.find_faults(pages) == {}


@pytest.mark.ci
def test_whole_numbers_and_keys_are_exact(looks: Looks) -> None:
    task = looks.world.row("tasks_app.Task", "exact")
    page = looks.open(reverse("admin:tasks_app_task_change", args=[task.pk]))
    text = page.locator("#payload-text").text_content()
    for part in ('"2^63-1": 9223372036854775807', '"-2^63": -9223372036854775808',
                 '"2^53+1": 9007199254740993', '"__proto__": 1', '"constructor": 1'):  # fmt: skip
        assert part in text
