"""The failure inbox, the page of a group, and the questions before something is changed."""

import html
import re
from datetime import timedelta
from functools import partial
from typing import Any
from urllib.parse import parse_qs

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

import tests.handlers  # noqa: F401 - registers the test types
from controlplane.core.admin.actions import CONFIRMED
from controlplane.core.clock import now
from controlplane.workspaces.actors import SYSTEM
from controlplane.workspaces.models import AuditEvent
from dlq import discard, groups, transitions
from dlq.admin import inboxrows, questions
from dlq.admin.groupwords import describe_state
from dlq.grouping import GroupUpkeep
from dlq.models import DeadLetter, GroupNote, LetterGroup, Replay
from dlq.queries.groups import describe_groups
from dlq.recording import fold_letter_counts
from dlq.states import ReplayState
from tests.clients import default_workspace, other_workspace, staff_client, staff_user
from tests.factories import make_error, make_letter

pytestmark = pytest.mark.django_db
INBOX = "/admin/dlq/lettergroup/"
login = partial(staff_client, apps=["dlq", "tasks_app"])
HOSTILE = "<script>alert(1)</script>"
SURE = {CONFIRMED: "yes"}


@pytest.fixture
def operator(db: None) -> Client:
    return login("op", "operator")


@pytest.fixture
def viewer(db: None) -> Client:
    return login("eve", "viewer")


def page(client: Client, path: str = INBOX, **params: Any) -> str:
    answer = client.get(path, params)
    assert answer.status_code == 200
    return answer.content.decode()


def post(client: Client, group: LetterGroup, path: str, **data: Any) -> str:
    answer = client.post(f"{INBOX}{group.id}/{path}/", {"next": INBOX, **data}, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def undo(client: Client, found: str) -> str:
    """Press the button of the message on that page."""
    key = re.search(r'name="undo" value="(undo-[0-9a-f]+)"', found)
    assert key is not None
    return client.post(
        "/admin/undo/", {"undo": key[1], "next": INBOX}, follow=True
    ).content.decode()


def group_of(letter: DeadLetter) -> LetterGroup:
    return LetterGroup.objects.get(id=letter.id)


def keep_up() -> None:
    fold_letter_counts()
    GroupUpkeep().run()


def tabs(text: str) -> dict[str, str]:
    found = re.findall(r'>([A-Z][^<]*?) <span class="tab-count">(\d+)<', text)
    return dict(found)


def test_the_list_and_its_views(operator: Client) -> None:
    first = make_letter(make_error(f"order 1 {HOSTILE}"), name="charge")
    make_letter(make_error(f"order 2 {HOSTILE}"))
    make_letter(make_error(name="OSError", category="NETWORK"), type="test-raise")
    make_letter(make_error(name="TheirsError"), workspace=other_workspace())
    for _ in range(2):
        found = page(operator)
        assert "2 groups are still yours." in found
        assert "2 groups, 3 open letters" in found
        assert "order … &lt;script&gt;alert(…)&lt;/script&gt;" in found
        assert HOSTILE not in found
        assert "TheirsError" not in found
        keep_up()
    assert tabs(found)["Still mine"] == "2"
    post(operator, group_of(first), "decide", do="acknowledge")
    assert tabs(page(operator)) == {
        "Still mine": "2", "Open": "1", "Regressed": "0", "Acknowledged": "1", "Muted": "0",
        "Resolved, 7 days": "0", "All": "2",
    }  # fmt: skip
    found = page(operator, view="acknowledged")
    assert "order …" in found
    assert "OSError" not in found
    assert "OSError" in page(operator, q="oserr")
    assert "0 groups match" in page(operator, view="all", category="TIMEOUT")
    assert "OSError" not in page(operator, view="all", version="0.0.0")
    for odd in ({"q": "a\x00"}, {"after": "bogus"}, {"group": "bogus"}, {"view": "bogus"}):
        assert operator.get(INBOX, odd).status_code == 200


def test_an_open_inbox_asks_for_its_rows_and_for_new_groups(operator: Client) -> None:
    first = group_of(make_letter(make_error(HOSTILE), name="charge"))
    theirs = group_of(make_letter(workspace=other_workspace()))
    text = page(operator)
    (found,) = re.findall(r'data-changes="([^"]*)"', text)
    query_of_page = html.unescape(found).partition("?")[2]

    def ask(*groups: LetterGroup, **params: str) -> Any:
        query = {**parse_qs(query_of_page), "ids": ",".join(str(each.id) for each in groups)}
        return operator.get(f"{INBOX}changes/", {**query, **params})

    assert ask(first, theirs).json() == {
        "newer": 0,
        "rows": {
            str(first.id): {
                "version": 0,
                "symbol": "state-failed",
                "tone": "tone-failed",
                "word": "Open",
                "since": describe_state(describe_groups([first])[0]),
                "owner": None,
                "ticket": "",
            }
        },
    }
    post(operator, first, "decide", do="own", ticket="")
    post(operator, first, "decide", do="change", ticket="https://tickets.test/", note="")
    found = ask(first).json()["rows"][str(first.id)]
    assert (found["owner"]["words"], found["version"]) == ("you", 2)
    assert found["ticket"] == {"url": "https://tickets.test/", "text": "tickets.test"}
    second = group_of(make_letter(make_error(name="OSError"), type="test-raise"))
    assert ask(first).json()["newer"] == 1
    assert ask(first, second).json()["newer"] == 0
    LetterGroup.objects.filter(id=second.id).update(owner=staff_user("operator", name="bob"))
    assert ask(first).json()["newer"] == 0
    assert ask(first, view="all").json()["newer"] == 1
    assert ask(first, view="all", q="nothing like it").json()["newer"] == 0
    LetterGroup.objects.filter(id=second.id).update(owner=None)
    post(operator, second, "decide", do="acknowledge")
    assert ask(first).json()["newer"] == 1
    undrawn = [*range(inboxrows.PAGE + 1)]
    for number in undrawn:
        make_letter(make_error(name=f"Error{number}"))
    text = page(operator, after=re.findall(r'after=([^"]+)"', page(operator))[0])
    assert "since=" not in re.findall(r'data-changes="([^"]*)"', text)[0]
    assert "new-groups" not in text
    for odd in ("", "yesterday", "2026-01-01"):
        answer = ask(first, since=odd)
        assert (answer.status_code, "since" in answer.json()["problem"]) == (422, True)
    assert ask(workspace=other_workspace().slug).status_code == 403


def test_pages_of_the_list(operator: Client) -> None:
    for number in range(60):
        make_letter(make_error(f"failure {chr(65 + number // 26)}{chr(97 + number % 26)}"))
    found = page(operator)
    assert found.count("data-group=") == 50
    cursor = re.search(r"after=([\w-]+)", found)
    assert cursor is not None
    assert page(operator, after=cursor[1]).count("data-group=") == 10


def test_one_group(operator: Client) -> None:
    letter = make_letter(make_error(HOSTILE), name=HOSTILE, payload={"gateway": "eu-1", "n": 1})
    make_letter(make_error(HOSTILE), payload={"gateway": HOSTILE, "n": 2})
    for found in (
        page(operator, f"{INBOX}{letter.id}/change/"),
        page(operator, group=str(letter.id)),
    ):
        assert HOSTILE not in found
        for words in ("What changed before it", "What differs among 2 payloads", "eu-1", "Mute…"):
            assert words in found
        assert f"/admin/dlq/deadletter/{letter.id}/change/" in found
    theirs = make_letter(workspace=other_workspace())
    assert operator.get(f"{INBOX}{theirs.id}/change/").status_code == 302


def test_decisions_and_their_undo(operator: Client) -> None:
    letter = make_letter()
    group = group_of(letter)
    found = post(operator, group, "decide", do="acknowledge", version="0")
    assert "Acknowledged: ValueError test-echo." in found
    assert 'name="undo"' in found
    assert 'name="undo"' not in page(operator)  # it is offered once
    assert "Undone" in undo(operator, found)
    group.refresh_from_db()
    assert (group.state, group.version) == ("OPEN", 2)
    assert "nothing to undo" in undo(operator, found)
    found = post(operator, group, "decide", do="own")
    assert LetterGroup.objects.get().owner.username == "op"
    undo(operator, found)
    assert LetterGroup.objects.get().owner is None
    post(operator, group, "decide", do="change", ticket="https://t.example/OPS-1", note=HOSTILE)
    found = page(operator)
    assert ">OPS-1</bdi></a>" in found
    assert "begins with http:// or https://" in post(
        operator, group, "decide", do="change", ticket="javascript:alert(1)"
    )
    assert GroupNote.objects.get().text == HOSTILE
    assert "Choose what to do" in post(operator, group, "decide", do="bogus")


def test_an_undo_never_overwrites_somebody_else(operator: Client) -> None:
    group = group_of(make_letter())
    done = post(operator, group, "decide", do="acknowledge")
    other = login("bob", "operator")
    post(other, group, "decide", do="own")
    found = undo(operator, done)
    assert "bob changed its owner at" in found
    assert LetterGroup.objects.get().state == "ACKNOWLEDGED"
    assert "look at the group again" in post(operator, group, "decide", do="reopen", version="0")


def test_a_regressed_group_is_regressed_again_after_an_undo(operator: Client) -> None:
    letter = make_letter()
    LetterGroup.objects.update(state="REGRESSED", regressed_versions=["4.12.0"])
    found = page(operator)
    assert "on Taskplane 4.12.0" in found
    assert "set <code>TASKPLANE_RELEASE</code>" in page(operator, group=group_of(letter).id)
    LetterGroup.objects.update(regressed_releases=["2026.11.3"], first_release="2026.11.1")
    found = page(operator, group=group_of(letter).id)
    assert "on 2026.11.3" in found
    assert "first on <bdi>2026.11.1</bdi>" in found
    assert "TASKPLANE_RELEASE" not in found
    undo(operator, post(operator, group_of(letter), "decide", do="acknowledge"))
    assert LetterGroup.objects.get().state == "REGRESSED"


def test_mute(operator: Client) -> None:
    group = group_of(make_letter())
    assert "Nobody is reminded" in page(operator, f"{INBOX}{group.id}/mute/")
    assert "Say when the mute ends" in post(operator, group, "mute", duration="")
    found = post(operator, group, "mute", duration="7d", above="50", note="tax office")
    assert "Muted: ValueError" in found
    group.refresh_from_db()
    assert (group.state, group.muted_above) == ("MUTED", 50)
    assert "“tax office”" in page(operator, view="muted")
    assert "No group is still yours" in page(operator)


def test_a_resolved_group_is_reopened_only_with_work_left(operator: Client) -> None:
    letter = make_letter()
    group = group_of(letter)
    post(operator, group, "mute", duration="7d")
    assert 'value="reopen"' in page(operator, group=group.id)
    post(operator, group, "discard", reason="sent by hand", **SURE)
    keep_up()
    found = page(operator, group=group.id)
    assert ('value="reopen"' in found, 'value="resolve"' in found) == (False, True)
    post(operator, group, "decide", do="resolve")
    assert 'value="reopen"' not in page(operator, f"{INBOX}{group.id}/change/")
    for found in (
        post(operator, group, "decide", do="reopen"),
        post(operator, group, "decide", do="acknowledge"),
        post(operator, group, "mute", duration="7d"),
    ):
        assert "it reopens by itself with the next death" in found
    DeadLetter.objects.update(
        status="REPROCESSED", rerun="GONE", reprocessed_task_id=letter.task_id
    )
    assert 'value="reopen"' in page(operator, group=group.id)
    assert "Open again: ValueError" in post(operator, group, "decide", do="reopen")


def test_discard_with_a_reason(operator: Client) -> None:
    letters = [make_letter(name=f"work {n}") for n in range(12)]
    make_letter(type="test-raise")
    group = group_of(letters[0])
    found = page(operator, f"{INBOX}{group.id}/discard/")
    assert "Discard 12 letters of ValueError test-echo?" in found
    assert "and 2 more" in found
    assert "Discarding is final" in found
    assert "Give the reason" in post(operator, group, "discard", **SURE)
    assert "12 letters discarded" in post(operator, group, "discard", reason="sent by hand", **SURE)
    assert DeadLetter.objects.filter(status="OPEN").count() == 1
    keep_up()
    assert LetterGroup.objects.get(id=group.id).state == "RESOLVED"
    assert AuditEvent.objects.get(action="dlq.discard").actor_label == "op"


def test_saving_a_note_keeps_an_owner_who_is_no_member(operator: Client) -> None:
    """A superuser without a membership, or somebody who has left the workspace."""
    group = group_of(make_letter())
    User.objects.create_user("gone")
    LetterGroup.objects.filter(id=group.id).update(owner=User.objects.get(username="gone"))
    found = page(operator, f"{INBOX}{group.id}/change/")
    assert "<option selected>gone</option>" in found
    assert "<option>op</option>" in found
    post(operator, group, "decide", do="change", owner="gone", ticket="", note="asked her")
    group.refresh_from_db()
    assert str(group.owner) == "gone"
    assert GroupNote.objects.get().text == "asked her"
    found = post(operator, group, "decide", do="change", owner="nobody-known", ticket="", note="")
    assert "is no member of the workspace" in found


def test_a_large_group_is_discarded_by_a_bulk_operation(
    operator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One request for tens of thousands of letters would show no progress, and be cut off."""
    monkeypatch.setattr(questions, "MAX_DISCARDED_AT_ONCE", 2)
    make_letter(type="test-raise")
    group = group_of(make_letter())
    make_letter()
    assert "Discard 2 letters of" in page(operator, f"{INBOX}{group.id}/discard/")
    make_letter()
    for found in (
        operator.get(f"{INBOX}{group.id}/discard/", follow=True).content.decode(),
        post(operator, group, "discard", reason="sent by hand", **SURE),
    ):
        assert "Discard 3 dead letters?" in found
        assert "3 dead letters will be closed without doing the work." in found
    assert not DeadLetter.objects.exclude(status="OPEN").exists()


def token_of(found: str) -> str:
    return found.partition('name="token" value="')[2].partition('"')[0]


@pytest.mark.parametrize("path", ["discard", "reprocess"])
def test_a_group_that_has_grown_since_the_question_is_asked_about_again(
    operator: Client, path: str
) -> None:
    group = group_of(make_letter())
    sent = {"reason": "sent by hand", "how": "canary", **SURE}
    token = token_of(page(operator, f"{INBOX}{group.id}/{path}/"))
    make_letter()
    found = post(operator, group, path, **sent, token=token)
    assert "1 matched then, 2 now. Nothing was changed" in found
    assert f"{path.capitalize()} 2 letters of ValueError test-echo?" in found
    assert "sent by hand" in found
    assert not DeadLetter.objects.exclude(status="OPEN").exists()
    assert not Replay.objects.exists()
    assert "2 letters" in post(operator, group, path, **sent, token=token_of(found))
    assert Replay.objects.exists() or not DeadLetter.objects.filter(status="OPEN").exists()


def test_the_preview_of_one_group_is_no_answer_for_another(operator: Client) -> None:
    group, other = group_of(make_letter()), group_of(make_letter(type="test-raise"))
    token = token_of(page(operator, f"{INBOX}{other.id}/discard/"))
    found = post(operator, group, "discard", reason="x", token=token, **SURE)
    assert "of another action, or of other objects. Nothing was changed" in found
    assert not DeadLetter.objects.exclude(status="OPEN").exists()


def test_reprocess_as_a_canary(operator: Client) -> None:
    letters = [make_letter() for _ in range(3)]
    group = group_of(letters[0])
    assert "3 tasks that failed will run again" in page(operator, f"{INBOX}{group.id}/reprocess/")
    assert "Give the reason" in post(operator, group, "reprocess", how="canary", **SURE)
    sent = {"how": "canary", "rate": "5", "reason": "the gateway is back"}
    found = post(operator, group, "reprocess", **sent, **SURE)
    assert "The replay of 3 letters has started" in found
    replay = Replay.objects.get()
    assert (replay.stages, replay.rate_per_second) == ([5, 50], 5.0)
    assert replay.filter == {"fingerprint": [group.fingerprint], "type": ["test-echo"]}
    assert GroupNote.objects.get().text == "the gateway is back"
    assert "1. First 3" in page(operator, group=str(group.id))

    reason = "Stage 1 of 3: 2 of 3 tasks had not completed"
    transitions.end_replay(replay.id, state=ReplayState.STOPPED, reason=reason)
    stopped = page(operator, group=str(group.id))
    assert reason in stopped
    assert "Cancel the replay" not in stopped
    Replay.objects.update(finished_at=now() - timedelta(days=2))
    assert reason not in page(operator, group=str(group.id))


def test_a_replay_does_not_start_when_its_note_is_refused(
    operator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(groups, "MAX_NOTES", 0)
    group = group_of(make_letter())
    found = post(operator, group, "reprocess", how="canary", reason="x", **SURE)
    assert "0 notes, which is the limit" in found
    assert not Replay.objects.exists()
    assert not AuditEvent.objects.filter(action="dlq.replay").exists()


def test_a_viewer_sees_and_cannot_act(viewer: Client) -> None:
    group = group_of(make_letter())
    found = page(viewer, group=str(group.id))
    assert "You can look" in found
    assert "data-key-verb" not in found
    assert "Mute…" not in found
    for path in ("decide", "mute", "discard", "reprocess"):
        answer = viewer.post(f"{INBOX}{group.id}/{path}/", {"do": "acknowledge", "reason": "x"})
        assert answer.status_code == 403
    assert LetterGroup.objects.get().version == 0


def test_the_way_back_stays_on_this_site(operator: Client) -> None:
    group = group_of(make_letter())
    for address in ("https://evil.example/", "//evil.example/", "javascript:alert(1)"):
        answer = operator.post(f"{INBOX}{group.id}/decide/", {"do": "acknowledge", "next": address})
        assert answer.headers["Location"] == f"{INBOX}{group.id}/change/"


def test_the_number_of_queries_does_not_grow(operator: Client) -> None:
    counts = []
    for number in range(2):
        for each in range(1 + 9 * number):
            letter = make_letter(make_error(f"failure {chr(97 + number)}{chr(97 + each)}"))
        discard.discard_letter(
            workspace_id=default_workspace().id, letter_id=letter.id, reason="x", actor=SYSTEM
        )
        make_letter()
        keep_up()
        group = LetterGroup.objects.filter(letters__gt=0).first()
        assert group is not None
        with CaptureQueriesContext(
            connection,
        ) as queries:
            page(operator, view="all", group=str(group.id))
        counts.append(len(queries))
    assert counts[0] == counts[1]
    assert counts[1] <= 45


@pytest.mark.parametrize("name", ["slug", "id"])
def test_it_shows_the_workspace_that_was_chosen_and_exports_that(name: str) -> None:
    root, other = login("root", is_superuser=True), other_workspace()
    make_letter(make_error("fresh"), workspace=other)
    assert "fresh" not in page(root)
    assert "fresh" in page(root, workspace=str(getattr(other, name)))
    answer = root.get(INBOX)
    assert "fresh" in answer.content.decode()
    menu = answer.context["export"]
    assert (menu.workspaces, dict(menu.hidden)["workspace"]) == ((), "other")
    assert "fresh" not in page(root, workspace="default")
    assert root.get(INBOX, {"workspace": "no-such"}).status_code == 403
