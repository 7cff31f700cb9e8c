"""`manage.py dlq`."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import tests.handlers  # noqa: F401 - registers the test types
from controlplane.core.clock import now
from controlplane.workspaces.models import AuditEvent
from dlq import bulk
from dlq.models import DeadLetter, Replay, ReplayTask
from dlq.replay_driver import ReplayDriver
from tasks_app.models import Task
from tests.clients import other_workspace, staff_user
from tests.factories import make_error, make_letter
from tests.integration.commands.running import run
from tests.manual_worker import run_task

pytestmark = pytest.mark.django_db
NOBODY = "018f6f2e-0000-7000-8000-000000000000"

SURE = ("--yes", "--reason=x")


def statuses() -> list[str]:
    return list(DeadLetter.objects.order_by("id").values_list("status", flat=True))


class TestLooking:
    """What changes nothing."""

    def test_list(self) -> None:
        make_letter(make_error("a [bold]message"), name="first")
        second = make_letter(make_error(category="NETWORK"), name="second")
        make_letter(name="theirs", workspace=other_workspace())
        ran = run("dlq", "list")
        assert str(second.id) in ran.out
        assert "a [bold]message" in ran.out
        found = run("dlq", "list", "--json", "--category=NETWORK,TIMEOUT").json
        assert [letter["name"] for letter in found] == ["second"]
        assert len(run("dlq", "list", "--limit=1", "--json").json) == 1
        assert "No letter matches" in run("dlq", "list", "--type=cpu").out
        assert run("dlq", "list", "--limit=0").code == 2
        wrong = run("dlq", "list", "--category=NOPE")
        assert (wrong.code, "category: One of" in wrong.err) == (2, True)

    def test_times_may_be_ages(self) -> None:
        old = make_letter(name="old")
        make_letter(name="new")
        DeadLetter.objects.filter(id=old.id).update(died_at=now() - timedelta(days=3))
        assert [each["name"] for each in run("dlq", "list", "--since=2d", "--json").json] == ["new"]
        assert [each["name"] for each in run("dlq", "list", "--until=2d", "--json").json] == ["old"]
        assert run("dlq", "list", "--since=2030-01-31T08:00:00Z", "--json").json == []
        assert run("dlq", "list", "--since=2030-01-31T08:00:00").code == 2  # no zone
        assert run("dlq", "list", "--since=soon").code == 2

    def test_show(self) -> None:
        letter = make_letter(make_error("it [bold]broke"))
        ran = run("dlq", "show", str(letter.id))
        for words in ('{"order": 17}', "attempt 1: FAILED", "it [bold]broke", "orders.py"):
            assert words in ran.out
        body = run("dlq", "show", str(letter.id), "--json").json
        assert body["attempts"][0]["error"]["message"] == "it [bold]broke"
        assert run("dlq", "show", NOBODY).code == 3
        assert run("dlq", "show", str(letter.id), "--workspace=nowhere").code == 3
        theirs = make_letter(workspace=other_workspace())
        assert run("dlq", "show", str(theirs.id)).code == 3

    def test_groups_and_stats(self) -> None:
        assert "no open letter" in run("dlq", "groups").out
        letter = make_letter()
        make_letter()
        ran = run("dlq", "groups")
        assert letter.fingerprint in ran.out
        assert run("dlq", "groups", "--json").json[0]["count"] == 2
        stats = run("dlq", "stats")
        assert "2 open of 2 letters" in stats.out
        assert run("dlq", "stats", "--json").json["byCategory"] == {"CODE": 2}

    def test_help_has_examples_and_exit_codes(self, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit):
            run("dlq", "--help")
        out = capsys.readouterr().out
        assert "manage.py dlq reprocess --fingerprint" in out
        assert "Exit codes" in out


class TestReprocess:
    """The work once more."""

    def test_ids_with_a_payload_from_a_file(self, tmp_path: Path) -> None:
        letter = make_letter()
        fixed = tmp_path / "fixed.json"
        fixed.write_text('{"order": 18}')
        ran = run("dlq", "reprocess", str(letter.id), f"--payload=@{fixed}", "--max-attempts=2")
        assert ran.code == 0, ran.err
        task = Task.objects.get(reprocess_of=letter.task_id)
        assert ran.out.strip() == f"{letter.id} → task {task.id}"
        assert (task.payload, task.max_attempts) == ({"order": 18}, 2)
        assert "at the command line" in AuditEvent.objects.get(action="dlq.reprocess").actor_label

    def test_what_is_refused_says_why_and_holds_nothing_up(self) -> None:
        closed, good = make_letter(), make_letter()
        run("dlq", "discard", str(closed.id), "--reason=x")
        ran = run("dlq", "reprocess", str(closed.id), str(good.id), "--json")
        assert ran.code == 1
        assert "was discarded" in ran.err
        assert [each["letterId"] for each in ran.json["reprocessed"]] == [str(good.id)]
        assert ran.json["refused"][0]["letterId"] == str(closed.id)
        bad = make_letter(type="sleep", payload={"ms": 1})
        ran = run("dlq", "reprocess", str(bad.id), '--payload={"ms": -1}')
        assert (ran.code, "payload.ms" in ran.err) == (1, True)
        assert run("dlq", "reprocess", str(bad.id), "--payload=[1]").code == 2
        assert run("dlq", "reprocess", str(bad.id), "--payload=@/nowhere").code == 2
        assert run("dlq", "reprocess", NOBODY).code == 3

    def test_by_filter_in_as_many_calls_as_it_takes(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(bulk, "MAX_PER_CALL", 2)
        for _ in range(5):
            make_letter(queue="mail")
        make_letter()
        dry = run("dlq", "reprocess", "--queue=mail", "--dry-run", "--json")
        assert dry.json["changed"] == 0
        assert statuses() == ["OPEN"] * 6
        ran = run("dlq", "reprocess", "--queue=mail", "--json", *SURE)
        assert ran.json == {"matched": 5, "changed": 5, "refusals": []}
        assert statuses() == ["REPROCESSED"] * 5 + ["OPEN"]

    def test_refusals_of_a_filter_are_printed(self) -> None:
        bad = make_letter(type="noop-of-yore")
        ran = run("dlq", "reprocess", "--all")
        assert "0 of 1 letter" in ran.out
        assert f"{bad.id}: " in ran.err
        assert "noop-of-yore" in ran.err
        assert (ran.code, "1 could not be changed" in ran.err) == (1, True)
        make_letter()
        ran = run("dlq", "reprocess", "--all", "--json", *SURE)
        assert (ran.code, ran.json["matched"], ran.json["changed"]) == (1, 2, 1)

    @pytest.mark.parametrize(
        "arguments",
        [[], [NOBODY, "--type=noop"], [NOBODY, "--all"], ["--status=OPEN"]],
    )
    def test_letters_must_be_selected(self, arguments: list[str]) -> None:
        make_letter()
        assert run("dlq", "reprocess", *arguments).code == 2
        assert statuses() == ["OPEN"]

    def test_letters_of_others_are_not_touched(self) -> None:
        theirs = make_letter(workspace=other_workspace())
        assert run("dlq", "reprocess", str(theirs.id)).code == 3
        run("dlq", "reprocess", "--all")
        assert statuses() == ["OPEN"]
        assert run("dlq", "reprocess", "--all", "--workspace=other").code == 0
        assert statuses() == ["REPROCESSED"]

    def test_waiting_in_vain(self) -> None:
        letter = make_letter()
        ran = run("dlq", "reprocess", str(letter.id), "--wait", "--wait-timeout=0.01")
        assert (ran.code, "not ended yet" in ran.err) == (4, True)


class TestDiscard:
    """No more of it."""

    def test_with_a_reason(self) -> None:
        letter = make_letter()
        ran = run("dlq", "discard", str(letter.id), "--reason=sent by hand")
        assert (ran.code, ran.out.strip()) == (0, "Discarded 1 of 1 letter.")
        assert DeadLetter.objects.get().discard_reason == "sent by hand"
        assert run("dlq", "discard", str(letter.id), "--reason=again").code == 1
        assert run("dlq", "discard", "--all", "--reason= ").code == 1

    def test_dry_run(self) -> None:
        make_letter()
        ran = run("dlq", "discard", "--all", "--reason=x", "--dry-run")
        assert ran.out.strip() == "Dry run: would discard 1 letter."
        assert statuses() == ["OPEN"]


def settle(*errors: Any) -> None:
    """What the dispatcher and a worker do until nothing is left to do."""
    left = list(errors)
    for _ in range(6):
        ReplayDriver().drive()
        for task in ReplayTask.objects.filter(outcome="").values_list("task_id", flat=True):
            run_task(task, left.pop(0) if left else None)


class TestReplays:
    """At a rate, in stages."""

    def test_a_canary(self) -> None:
        for _ in range(3):
            make_letter()
        ran = run(
            "dlq",
            "reprocess",
            "--all",
            "--canary",
            "--stages=1,2",
            *SURE,
            "--max-failure-share=0.5",
            "--rate=100",
        )
        assert ran.code == 0, ran.err
        replay = Replay.objects.get()
        assert str(replay.id) in ran.out
        assert (replay.stages, replay.rate_per_second) == ([1, 2], 100)
        assert replay.max_failure_share == 0.5
        assert str(replay.id) in run("dlq", "replays").out
        assert run("dlq", "replay", str(replay.id), "--json").json["status"] == "RUNNING"
        waited = run("dlq", "replay", str(replay.id), "--watch", "--wait-timeout=0")
        assert (waited.code, "continues without" in waited.err) == (4, True)
        settle()
        ran = run("dlq", "replay", str(replay.id), "--watch")
        assert ran.code == 0
        assert "COMPLETED, 100 %" in ran.out

    def test_one_that_stops_is_an_error(self) -> None:
        make_letter()
        begun = run("dlq", "reprocess", "--all", "--canary", "--json", *SURE).json
        assert begun["matched"] == 1
        settle(make_error("still [red]broken"))
        ran = run("dlq", "replay", begun["replayId"], "--watch")
        assert ran.code == 1
        assert "still [red]broken" in ran.out

    def test_one_that_could_not_submit_everything_is_an_error(self) -> None:
        make_letter(type="noop-of-yore")
        begun = run("dlq", "reprocess", "--all", "--canary", "--json", *SURE).json
        settle()
        ran = run("dlq", "replay", begun["replayId"], "--watch")
        assert ran.code == 1
        assert "COMPLETED: 0 failed again, 1 were skipped." in ran.err

    def test_cancel(self) -> None:
        make_letter()
        begun = run("dlq", "reprocess", "--all", "--rate=1", "--json", *SURE).json
        ran = run("dlq", "cancel-replay", begun["replayId"])
        assert (ran.code, "CANCELLED" in ran.out) == (0, True)
        assert run("dlq", "cancel-replay", begun["replayId"]).code == 1
        assert run("dlq", "cancel-replay", NOBODY).code == 3
        assert run("dlq", "replay", NOBODY).code == 3
        assert run("dlq", "replay", begun["replayId"], "--workspace=nowhere").code == 3

    def test_nothing_to_replay_and_bad_figures(self) -> None:
        assert run("dlq", "reprocess", "--all", "--canary").code == 1
        assert "no replay" in run("dlq", "replays").out
        make_letter()
        wrong = run("dlq", "reprocess", "--all", "--canary", "--max-failure-share=2")
        assert (wrong.code, "maxFailureShare" in wrong.err) == (1, True)
        assert run("dlq", "reprocess", "--all", "--canary", "--stages=0").code == 2
        assert not Replay.objects.exists()


class TestGroups:
    """Triage."""

    def test_a_group_and_what_is_decided(self) -> None:
        staff_user("operator", name="bob")
        letter = make_letter(make_error("a [bold]message"))
        group = letter.fingerprint
        shown = run("dlq", "show-group", group)
        for words in ("a [bold]message (test-echo)", "state", "OPEN"):
            assert words in shown.out
        ran = run("dlq", "acknowledge", group, "--note=the gateway team knows")
        assert ran.out.strip() == f"{group} test-echo: ACKNOWLEDGED, 1 open"
        assert "OPEN, owner" not in run("dlq", "reopen", group).out
        assert "owner bob" in run("dlq", "assign", group, "bob").out
        assert run("dlq", "assign", group, "nobody", "--json").json["owner"] is None
        assert run("dlq", "assign", group, "stranger").code == 1
        ticket = "https://tickets.example/OPS-1"
        assert f"OPEN, ticket {ticket}, 1 open" in run("dlq", "ticket", group, ticket).out
        assert run("dlq", "show-group", group, "--json").json["ticket"] == ticket
        assert AuditEvent.objects.get(action="dlq.group_ticket").detail["ticket"] == ticket
        wrong = run("dlq", "ticket", group, "javascript:alert(1)")
        assert (wrong.code, "begins with http:// or https://" in wrong.err) == (1, True)
        assert run("dlq", "ticket", group, "none", "--json").json["ticket"] is None
        assert run("dlq", "note", group, "a second one").code == 0
        assert "note: " in run("dlq", "show-group", group).out
        muted = run("dlq", "mute", group, "--for=2d", "--above=5", "--json").json
        assert (muted["state"], muted["mutedAbove"]) == ("MUTED", 5)
        assert run("dlq", "mute", group).code == 1  # without an end
        assert run("dlq", "resolve", group).code == 1  # with an open letter
        assert run("dlq", "show-group", "0000000000000000").code == 3
        assert run("dlq", "groups", "--state=MUTED", "--json").json[0]["fingerprint"] == group
        assert run("dlq", "groups", "--state=OPEN", "--json").json == []
        assert "at the command line" in AuditEvent.objects.get(action="dlq.group_mute").actor_label
