"""What is decided in the failure inbox, the questions before it, and its undo."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client

import tests.handlers  # noqa: F401 - registers the test types
from controlplane.core.admin.actions import CONFIRMED
from controlplane.core.clock import now
from controlplane.workspaces.models import AuditEvent
from dlq import groups, transitions
from dlq.admin import questions
from dlq.models import DeadLetter, GroupNote, LetterGroup, Replay
from dlq.states import ReplayState
from tests.factories import make_letter
from tests.integration.admin.inboxpages import (
    HOSTILE,
    INBOX,
    group_of,
    keep_up,
    login,
    page,
    post,
    undo,
)

pytestmark = pytest.mark.django_db
SURE = {CONFIRMED: "yes"}


@pytest.fixture
def operator(db: None) -> Client:
    return login("op", "operator")


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
    assert re.search(r"bob changed its owner at \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", found)
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
