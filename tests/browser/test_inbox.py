"""What people do in the failure inbox, by keyboard alone."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.urls import reverse

from controlplane.core.clock import now
from controlplane.workspaces.actors import SYSTEM, Actor
from controlplane.workspaces.models import AuditEvent
from controlplane.workspaces.states import Role
from dlq import bulk
from dlq.filters import LetterFilter
from dlq.groups import Decision, decide
from dlq.models import DeadLetter, LetterGroup, Replay
from dlq.replay_driver import ReplayDriver
from dlq.replays import start_replay
from tasks_app.models import Task
from tests.browser.inbox_world import FAILURES, keep_up, seed_failures
from tests.browser.looks import LOOKS, look
from tests.clients import default_workspace, staff_user
from tests.factories import make_letter
from tests.manual_worker import run_task
from workers.models import Node

_LONG_MS = 120_000
pytestmark = [pytest.mark.django_db(transaction=True)]

PageOf = Callable[..., Any]
SIZES = {
    "test-echo": 8,
    "test-raise": 5,
    "test-report": 4,
    "noop": 3,
    "test-wait": 2,
    "test-flaky": 1,
}


def inbox(page: Any, view: str = "") -> None:
    page.goto(reverse("admin:dlq_lettergroup_changelist") + (f"?view={view}" if view else ""))


def focus(page: Any, kind: str) -> None:
    """Walk with j until the group has the focus."""
    page.evaluate("document.activeElement.blur()")
    for _ in range(len(SIZES) + 1):
        page.keyboard.press("j")
        row = page.locator("li[data-group]:focus-within")
        if row.count() and kind in row.inner_text():
            return
    raise AssertionError(f"{kind} is not in the list")


def answer(page: Any, *keys: str) -> None:
    """Fill the question whose first field has the focus, and send it."""
    page.locator(".question").wait_for()
    for key in keys:
        page.keyboard.press(key)
    page.locator(".question button[type=submit]").focus()
    page.keyboard.press("Enter")
    # The answer comes when thousands of letters are discarded.
    page.locator("[data-groups], .notice").first.wait_for(timeout=_LONG_MS)


def complete_reruns() -> None:
    """The tasks that do the work again complete, and the dispatcher sees it."""
    for _ in range(5):
        ReplayDriver().drive()
        waiting = Task.objects.filter(reprocess_of__isnull=False, state="PENDING")
        for task in waiting.values_list("id", flat=True):
            run_task(task)
    ReplayDriver().drive()
    keep_up()


def own_and_repair(page: Any, letters: int) -> None:
    """Acknowledge the largest group, own it, edit one letter, then start the canary."""
    for key, words in (("a", "Acknowledged"), ("o", "Yours now")):
        focus(page, "test-echo")
        page.keyboard.press(key)
        page.get_by_text(f"{words}: GatewayTimeout test-echo.").wait_for()
    focus(page, "test-echo")
    page.keyboard.press("e")
    page.locator("#id_payload").focus()
    page.keyboard.press("Control+a")
    page.keyboard.type('{"gateway": "eu-2"}')
    page.get_by_role("button", name="Reprocess", exact=True).focus()
    page.keyboard.press("Enter")
    page.get_by_text("does the work again").first.wait_for()
    focus(page, "test-echo")
    page.keyboard.press("r")
    page.locator(".question").wait_for()
    for _ in ("rate", "reason"):
        page.keyboard.press("Tab")
    page.keyboard.type("the gateway is back")
    answer(page)
    page.get_by_text(f"The replay of {letters - 1} letters has started").wait_for()


def discard(page: Any, kind: str) -> None:
    focus(page, kind)
    page.keyboard.press("d")
    page.locator(".question").wait_for()
    page.keyboard.type("sent by hand")
    answer(page)
    page.get_by_text(re.compile("letters? discarded.")).wait_for(timeout=_LONG_MS)


def mute(page: Any, kind: str) -> None:
    focus(page, kind)
    page.keyboard.press("m")
    answer(page, "ArrowDown")
    page.get_by_text("Muted: ").wait_for()


@pytest.mark.parametrize(
    "sizes",
    [
        pytest.param(SIZES, id="some"),
        pytest.param(
            {"test-echo": 40, "test-raise": 5_000, "test-report": 4_900, "noop": 30,
             "test-wait": 20, "test-flaky": 10},
            id="10,000",
            marks=pytest.mark.nightly,
        ),
    ],
)  # fmt: skip
@pytest.mark.parametrize(("theme", "width"), LOOKS)
def test_triage_to_zero_by_keyboard_alone(
    page_of: PageOf, sizes: dict[str, int], theme: str, width: int
) -> None:
    """Every verb: acknowledge, own, edit one and start a canary, discard with a reason, mute."""
    groups = seed_failures(sizes)
    page = page_of("operator", theme, width)
    inbox(page)
    look(page, f"triage-{width}-{theme}")
    assert page.get_by_text("6 groups are still yours.").count() == 1
    assert page.get_by_text(f"6 groups, {sum(sizes.values()):,} open letters").count() == 1
    own_and_repair(page, sizes["test-echo"])
    group = LetterGroup.objects.get(id=groups["test-echo"].id)
    assert (group.state, str(group.owner)) == ("ACKNOWLEDGED", "operator-person")
    payloads = Task.objects.filter(reprocess_of__isnull=False).values_list("payload", flat=True)
    assert list(payloads) == [{"gateway": "eu-2"}]
    complete_reruns()
    assert Replay.objects.get().state == "COMPLETED"
    inbox(page)
    for kind in ("test-raise", "test-report"):
        discard(page, kind)
    keep_up()
    inbox(page)
    for kind in ("noop", "test-wait", "test-flaky"):
        mute(page, kind)
    keep_up()
    inbox(page)
    page.get_by_text("No group is still yours.").wait_for()
    look(page, f"triage-done-{width}-{theme}")
    assert dict(LetterGroup.objects.values_list("type", "state")) == {
        **dict.fromkeys(("test-echo", "test-raise", "test-report"), "RESOLVED"),
        **dict.fromkeys(("noop", "test-wait", "test-flaky"), "MUTED"),
    }
    closed = DeadLetter.objects.filter(status="DISCARDED", discard_reason="sent by hand")
    assert closed.count() == sizes["test-raise"] + sizes["test-report"]
    edits = AuditEvent.objects.filter(action="dlq.reprocess", detail__has_key="payload")
    assert edits.count() == 1


@pytest.mark.parametrize(("theme", "width"), LOOKS)
def test_the_inbox_looks_right(page_of: PageOf, theme: str, width: int) -> None:
    """With a panel beside it, the page of a group, each question, and the list of letters."""
    groups = seed_failures({**SIZES, "test-echo": 120})
    group = groups["test-echo"]
    page = page_of("operator", theme, width)
    inbox_url = reverse("admin:dlq_lettergroup_changelist")
    letter = DeadLetter.objects.filter(type="test-echo").order_by("-died_at")[3]
    for name, url in {
        "inbox-panel": f"{inbox_url}?view=all&group={group.id}",
        "group": reverse("admin:dlq_lettergroup_change", args=[group.id]),
        "group-discard": reverse("admin:dlq_lettergroup_discard", args=[group.id]),
        "group-reprocess": reverse("admin:dlq_lettergroup_reprocess", args=[group.id]),
        "letters": reverse("admin:dlq_deadletter_changelist"),
        "letter": reverse("admin:dlq_deadletter_change", args=[letter.pk]),
        "letter-edit": reverse("admin:dlq_deadletter_reprocess", args=[letter.pk]),
    }.items():
        page.goto(url)
        look(page, f"{name}-{width}-{theme}")


@pytest.mark.ci
def test_a_regression_reopens_its_group_and_names_the_version(page_of: PageOf) -> None:
    groups = seed_failures({"test-raise": 3})
    workspace = default_workspace().id
    every = LetterFilter(everything=True)
    bulk.act_on_letters(
        workspace_id=workspace, action="discard", letter_filter=every, actor=SYSTEM, reason="fixed"
    )
    keep_up()
    page = page_of("operator")
    inbox(page)
    page.get_by_text("No group is still yours.").wait_for()
    Node.objects.update(release="4.12.0")
    error, payload = FAILURES["test-raise"]
    make_letter(error, type="test-raise", payload=payload)
    keep_up()
    inbox(page)
    row = page.locator(f"[data-group='{groups['test-raise'].id}']")
    assert "Regressed" in row.inner_text()
    assert "on 4.12.0" in row.inner_text()


@pytest.mark.ci
def test_of_two_operators_the_second_learns_of_the_first(page_of: PageOf, visitors: Any) -> None:
    seed_failures({"test-echo": 2})
    first = page_of("operator")
    second = visitors.page(staff_user("operator", name="bob"))
    for page in (first, second):
        inbox(page)
    second.keyboard.press("j")
    second.keyboard.press("m")
    # The inbox itself would soon show what the first does, and then it may be muted.
    second.locator(".question").wait_for()
    first.keyboard.press("j")
    first.keyboard.press("a")
    first.get_by_text("Acknowledged: GatewayTimeout").wait_for()
    second.locator(".question button[type=submit]").click()
    second.get_by_text("operator-person acknowledged it at").wait_for()
    assert LetterGroup.objects.get().state == "ACKNOWLEDGED"
    first.get_by_role("button", name="Undo").click()
    first.get_by_text("Undone: GatewayTimeout").wait_for()
    assert LetterGroup.objects.get().state == "OPEN"


def test_a_viewer_looks_and_changes_nothing(page_of: PageOf) -> None:
    groups = seed_failures({"test-echo": 2, "noop": 1})
    page = page_of("viewer")
    inbox(page)
    page.keyboard.press("j")
    for key in "aomerd":
        page.keyboard.press(key)
    page.keyboard.press("Enter")
    page.locator(".group-panel").wait_for()
    assert page.locator(".group-panel button, .group-panel form").count() == 0
    assert set(LetterGroup.objects.values_list("version", flat=True)) == {0}
    for verb in ("mute", "discard", "reprocess"):
        url = reverse(f"admin:dlq_lettergroup_{verb}", args=[groups["noop"].id])
        visited = page.request.get(f"{page.url.split('/admin')[0]}{url}")
        assert visited.status == 403


@pytest.mark.ci
def test_counts_and_the_progress_of_a_canary_are_live(page_of: PageOf) -> None:
    groups = seed_failures({"test-echo": 4, "noop": 1})
    group = groups["test-echo"]
    start_replay(
        workspace_id=group.workspace_id,
        letter_filter=LetterFilter(fingerprints=(group.fingerprint,), types=(group.type,)),
        actor=SYSTEM,
        stages=(2,),
    )
    page = page_of("operator")
    page.goto(reverse("admin:dlq_lettergroup_changelist") + f"?group={group.id}")
    page.get_by_text("begins soon").wait_for()
    ReplayDriver().drive()
    (first, _) = Task.objects.filter(reprocess_of__isnull=False).values_list("id", flat=True)
    run_task(first)
    ReplayDriver().drive()
    page.get_by_text("1 of 2 completed, 0 failed again.").wait_for()
    page.get_by_text("1 done", exact=True).wait_for()
    keep_up()
    page.locator(f"[data-group='{group.id}'] [data-live='#count']", has_text="2").wait_for()


def test_what_others_decide_and_new_groups_are_live(page_of: PageOf) -> None:
    """The row follows, and what is pressed then is about what is shown; nothing moves."""
    groups = seed_failures({"test-echo": 2, "noop": 1})
    group = groups["test-echo"]
    page = page_of("operator")
    inbox(page)
    row = page.locator(f"[data-group='{group.id}']")
    bob = staff_user("operator", name="bob")
    decide(
        workspace_id=group.workspace_id,
        group_id=group.id,
        decision=Decision(state="ACKNOWLEDGED", owner="bob"),
        actor=Actor("user", str(bob.pk), "bob", Role.OPERATOR),
    )
    row.get_by_text("Acknowledged", exact=True).wait_for()
    assert "by bob" in row.inner_text()
    assert "was resolved, back" not in row.inner_text()
    LetterGroup.objects.filter(id=group.id).update(
        regressed_at=now(), regressed_releases=["4.12.0"], version=7
    )
    row.get_by_text("was resolved, back").wait_for()
    assert "on 4.12.0" in row.inner_text()
    assert row.locator("[data-owner]").inner_text().split() == ["BO", "bob"]
    assert row.locator("svg.shape").get_attribute("class") == "shape tone-pending"
    assert page.locator("#new-groups").is_hidden()
    seed_failures({"test-wait": 1, "test-raise": 1})
    # Those of somebody else are not in the view.
    LetterGroup.objects.filter(type="test-raise").update(owner=bob)
    page.get_by_text("1 new, show").wait_for()
    assert page.locator("[data-group]").count() == 2
    bulk.act_on_letters(
        workspace_id=group.workspace_id, action="discard", actor=SYSTEM, reason="done by hand",
        letter_filter=LetterFilter(types=("noop",)),
    )  # fmt: skip
    keep_up()
    closed = page.locator(f"[data-group='{groups['noop'].id}']")
    closed.get_by_text("Resolved", exact=True).wait_for()
    assert "all work is done, or discarded" in closed.inner_text()
    focus(page, "test-echo")
    page.keyboard.press("o")
    page.get_by_text("Yours now: GatewayTimeout test-echo.").wait_for()
    assert page.locator("[data-group]").count() == 2


def test_the_help_shows_the_keys(page_of: PageOf) -> None:
    seed_failures({"test-echo": 1})
    page = page_of("operator")
    inbox(page)
    page.keyboard.press("?")
    dialog = page.locator("dialog[open]")
    dialog.wait_for()
    for words in ("Acknowledge the group", "Next row", "Discard the group"):
        assert words in dialog.inner_text()
