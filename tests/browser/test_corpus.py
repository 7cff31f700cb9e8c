"""The corpus on every page of a real browser: nothing executes, nothing breaks, text is text."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.urls import reverse

from tests.browser.axe import find_violations
from tests.browser.pages import PAGES, Case
from tests.browser.visitors import Visitors
from tests.clients import staff_user
from tests.corpus import TEXTS
from tests.corpusworld import CorpusWorld, write
from tests.factories import make_node, make_queue, make_task

# The rows are committed by the fixture of the module; a test of the matrix itself writes nothing.
pytestmark = pytest.mark.django_db

PageOf = Callable[..., Any]
LISTS = [case for case in PAGES if not case.row and case.status == 200]
DETAILS = [case for case in PAGES if case.row]
# Of each kind of text one, for the pages of single rows before a change is taken.
FEW = ("handler", "closing", "C1", "Hebrew", "long word", "many lines", "pointer", "combining")
QUICK = {"overview", "tasks", "queues", "letters", "nodes", "schedules", "runs", "audit"}
_QUICK_MS = 10_000

# What a text has done that is more than a text.
_DAMAGE = """() => [
    window.__executed === undefined ? '' : 'a script ran',
    ({}).polluted === undefined ? '' : 'the prototype is polluted',
    document.querySelector('[onerror], [onload], [onfocus], [onmouseover]') ? 'a handler' : '',
    document.querySelector('main').checkVisibility() ? '' : 'the page is hidden',
].filter(Boolean)"""
# Words that stand to the right of a later word of their line, where the page has letters that are
# written from right to left. Those letters' own text is not looked at.
_TURNED = """() => {
    const foreign = /[\\u0590-\\u08ff\\ufb1d-\\ufefc]/u;
    const blocks = [...document.querySelectorAll('main *, header *, nav *')].filter((each) =>
        foreign.test(each.textContent) && getComputedStyle(each).display === 'block');
    const found = new Set();
    for (const block of blocks) {
        if ([...block.children].some((child) => blocks.includes(child))) continue;
        const walker = document.createTreeWalker(block, NodeFilter.SHOW_TEXT);
        const words = [];
        while (walker.nextNode()) {
            const node = walker.currentNode;
            if (foreign.test(node.data.trim()[0] ?? '')) continue;
            const own = node.data.replace(/\\u2068.*?\\u2069/gsu,
                (text) => '\\u2068'.repeat(text.length));
            for (const word of own.matchAll(/[A-Za-z]{2,}/g)) {
                const range = document.createRange();
                range.setStart(node, word.index);
                range.setEnd(node, word.index + word[0].length);
                const box = range.getBoundingClientRect();
                if (box.width) words.push([word[0], box]);
            }
        }
        words.slice(1).forEach(([word, box], n) => {
            const [before, beside] = words[n];
            const isSameLine = Math.abs(beside.top - box.top) < 3;
            if (isSameLine && box.left < beside.right - 1) found.add(`${word} before ${before}`);
        });
    }
    return [...found];
}"""


class Looks:
    """The world, and a superuser who looks at it."""

    def __init__(self, visitors: Visitors) -> None:
        self.visitors = visitors
        self.world = CorpusWorld()
        self.person = staff_user("superuser", name="mira.okafor")
        visitors.log_in(self.person)
        self._tabs: dict[int, Any] = {}

    def open(self, address: str, width: int) -> Any:
        if width not in self._tabs:
            self._tabs[width] = self.visitors.page(self.person, "light", width)
        page = self._tabs[width]
        assert page.goto(address).status == 200
        page.evaluate("document.querySelector('[data-reload] button')?.click()")
        return page

    def faults(self, address: str, width: int) -> list[str]:
        """What is wrong with a page."""
        self.visitors.guard.faults.clear()
        page = self.open(address, width)
        found: list[str] = page.evaluate(_DAMAGE)
        wide = page.evaluate("document.documentElement.scrollWidth")
        if wide > width:
            found.append(f"{wide} px wide")
        if width == 1440:
            found += page.evaluate(_TURNED)
        if not page.title():
            found.append("no title")
        return [*found, *self.visitors.guard.faults]


@pytest.fixture(scope="module")
def looks(browser: Any, server: str, committed_rows: None) -> Iterator[Looks]:
    visitors = Visitors(browser, server)
    yield Looks(visitors)
    visitors.close()


def marked(cases: list[Case]) -> list[Any]:
    """Those of the most useful pages also run before a change is taken."""
    return [
        pytest.param(case, id=case.name, marks=[pytest.mark.ci] if case.name in QUICK else [])
        for case in cases
    ]


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("case", marked(LISTS))
def test_a_page_shows_text(looks: Looks, case: Case, width: int) -> None:
    address = case.url(lambda _: None)
    assert looks.faults(address, width) == []
    assert find_violations(looks.open(address, width)) == []


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("case", DETAILS, ids=lambda case: case.name)
def test_the_page_of_each_row_shows_text(looks: Looks, case: Case, width: int) -> None:
    found = {}
    for name in looks.world.rows.get(case.row, {}):
        row = looks.world.row(case.row, name)
        if faults := looks.faults(case.url(lambda _, row=row: row), width):
            found[name] = faults
    assert found == {}


@pytest.mark.ci
@pytest.mark.parametrize("name", FEW)
def test_the_pages_of_some_rows_show_text(looks: Looks, name: str) -> None:
    found = {}
    for label, page in (
        ("tasks_app.Task", "tasks_app_task_change"),
        ("tasks_app.Queue", "tasks_app_queue_change"),
        ("dlq.DeadLetter", "dlq_deadletter_change"),
        ("workers.Node", "workers_node_change"),
        ("workflows.WorkflowRun", "workflows_workflowrun_change"),
    ):
        address = reverse(f"admin:{page}", args=[looks.world.row(label, name).pk])
        if faults := looks.faults(address, 390):
            found[page] = faults
    assert found == {}


@pytest.mark.ci
def test_whole_numbers_and_keys_are_exact(looks: Looks) -> None:
    task = looks.world.row("tasks_app.Task")
    page = looks.open(reverse("admin:tasks_app_task_change", args=[task.pk]), 1440)
    text = page.locator("#payload-text").text_content()
    for part in ('"2^63-1": 9223372036854775807', '"-2^63": -9223372036854775808',
                 '"2^53+1": 9007199254740993', '"__proto__": 1', '"constructor": 1'):  # fmt: skip
        assert part in text


class TestMoving:
    """Live changes, dialogs and messages with names that are paths, markup and properties."""

    pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.ci]

    @pytest.mark.parametrize(
        "name", ["a/b~c~1d#e", "__proto__", "<script>window.__executed=1</script>", "x y", "שלום"]
    )
    def test_a_figure_follows_a_queue_of_any_name(self, page_of: PageOf, name: str) -> None:
        queue = make_queue(name)
        make_node()
        make_task(queue=name)
        page = page_of("operator")
        page.goto(reverse("admin:tasks_app_queue_changelist"))
        depth = page.locator("[data-row] [data-live='#depth']")
        assert depth.text_content() == "1"
        make_task(queue=name)
        depth.filter(has_text="2").wait_for(timeout=_QUICK_MS)
        page.goto(reverse("admin:tasks_app_queue_change", args=[queue.pk]))
        make_task(queue=name)
        page.locator(".figure [data-live='#depth']", has_text="3").wait_for(timeout=_QUICK_MS)
        page.goto(reverse("admin:index"))
        page.locator("#panel-queues", has_text=name).wait_for(timeout=_QUICK_MS)
        assert page.evaluate(_DAMAGE) == []

    @pytest.mark.parametrize("name", ["handler", "closing", "override", "long words"])
    def test_a_dialog_and_a_message_hold_any_name(self, page_of: PageOf, name: str) -> None:
        text = TEXTS[name]
        task = make_task("COMPLETED")
        write(task, name=text[:200])
        page = page_of("operator", "light", 390)
        page.goto(reverse("admin:tasks_app_task_change", args=[task.pk]))
        page.get_by_role("link", name="Retry…", exact=True).click()
        page.locator("dialog[open]").get_by_role("button", name="Run it again").click()
        page.locator(".toast .success, .toast.success").first.wait_for()
        assert page.evaluate(_DAMAGE) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= 390

    @pytest.mark.parametrize("name", ["handler", "pointer", "override"])
    def test_the_message_of_a_pause_holds_any_reason(self, page_of: PageOf, name: str) -> None:
        queue = make_queue("mail")
        make_node()
        page = page_of("operator")
        page.goto(reverse("admin:tasks_app_queue_change", args=[queue.pk]))
        page.get_by_label("Reason, shown to everybody").fill(TEXTS[name])
        page.get_by_role("button", name="Pause mail").click()
        page.get_by_text("It is paused by").wait_for()
        assert page.evaluate(_DAMAGE) == []
