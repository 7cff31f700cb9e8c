"""The second look at the command line: what would happen, to how many and to which, a reason, the
question; and the command that undoes what was done."""

import shlex
from io import StringIO
from typing import Any

import pytest

from controlplane.workspaces.models import AuditEvent
from tasks_app.models import Queue, Task
from tests.factories import make_job, make_letter, make_node, make_queue, make_task, make_tasks
from tests.integration.commands.running import Ran, run

pytestmark = pytest.mark.django_db


class Terminal(StringIO):
    """A stream that says that a person is there."""

    def isatty(self) -> bool:
        return True


def at_terminal(monkeypatch: pytest.MonkeyPatch, answer: str, *arguments: str) -> Ran:
    monkeypatch.setattr("sys.stdin", Terminal(f"{answer}\n"))
    monkeypatch.setattr("sys.stderr", Terminal())
    return run(*arguments)


def reasons() -> set[Any]:
    return set(AuditEvent.objects.values_list("detail__reason", flat=True))


def test_it_shows_the_number_the_first_ten_and_the_consequence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tasks = make_tasks(12, name="an invoice")
    cancel = ("tasks", "cancel", "--type", "noop")
    without = at_terminal(monkeypatch, "y", *cancel)
    assert (without.code, Task.objects.filter(state="PENDING").count()) == (2, 12)
    assert "Cancel 12 tasks: give the --reason." in without.err

    no = at_terminal(monkeypatch, "n", *cancel, "--reason", "OPS-1")
    assert (no.code, Task.objects.filter(state="PENDING").count()) == (1, 12)
    assert "Cancel 12 tasks. 12 waiting tasks will end at once." in no.err
    assert no.err.count("an invoice") == 10
    assert "and 2 more" in no.err
    assert "Cancel 12 tasks? [y/N]" in no.err
    assert not AuditEvent.objects.exists()

    yes = at_terminal(monkeypatch, "y", *cancel, "--reason", "OPS-1")
    assert yes.out == "Cancelled 12 of 12 tasks.\n"
    assert reasons() == {"OPS-1"}
    assert len(tasks) == 12


def test_what_has_changed_since_the_question_is_not_done(monkeypatch: pytest.MonkeyPatch) -> None:
    make_tasks(2)

    class Slow(Terminal):
        def readline(self, *_: Any) -> str:
            make_task()
            return "y\n"

    monkeypatch.setattr("sys.stdin", Slow())
    monkeypatch.setattr("sys.stderr", Terminal())
    ran = run("tasks", "cancel", "--type", "noop", "--reason", "OPS-1")
    assert (ran.code, Task.objects.filter(state="PENDING").count()) == (1, 3)
    assert "2 matched then, 3 now. Nothing was changed." in ran.err


def test_nothing_matches() -> None:
    for arguments in (("tasks", "cancel"), ("dlq", "discard")):
        ran = run(*arguments, "--type", "noop", "--reason", "OPS-1")
        assert (ran.code, ran.out) == (0, "Nothing matches.\n")


def test_where_nobody_can_be_asked_yes_is_needed() -> None:
    make_tasks(2)
    cancel = ("tasks", "cancel", "--all", "--reason", "OPS-1")
    for more in ((), ("--json",)):
        refused = run(*cancel, *more)
        assert (refused.code, refused.out) == (2, "")
        assert "confirm it with --yes. Nothing was changed." in refused.err
    assert not AuditEvent.objects.exists()
    assert run(*cancel, "--yes").out == "Cancelled 2 of 2 tasks.\n"


def test_a_script_that_names_each_thing_goes_on_working() -> None:
    one, two, letter = make_task(), make_task(), make_letter()
    assert run("tasks", "cancel", str(one.id), str(two.id)).code == 0
    assert run("dlq", "discard", str(letter.id), "--reason", "OPS-1").code == 0
    letter.refresh_from_db()
    assert letter.status == "DISCARDED"
    node = make_node("vm")
    assert run("nodes", "drain", str(node.id), "--reason", "OPS-2").code == 0
    node.refresh_from_db()
    assert node.state == "DRAINING"
    assert "OPS-2" in reasons()


@pytest.mark.parametrize("answer", ["n", "y"])
def test_one_thing_is_asked_about_too(monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    node, job = make_node("vm"), make_job("nightly")
    for arguments, text in (
        (("nodes", "drain", str(node.id)), "It takes no more tasks"),
        (("cron", "remove", job.name), "It fires no more"),
    ):
        ran = at_terminal(monkeypatch, answer, *arguments)
        assert text in ran.err
        assert ran.code == (0 if answer == "y" else 1)
    node.refresh_from_db()
    assert (node.state == "DRAINING") == (answer == "y")


def undo_of(ran: Ran) -> Ran:
    (line,) = [line for line in ran.err.splitlines() if line.startswith("Undo: manage.py ")]
    return run(*shlex.split(line.removeprefix("Undo: manage.py ")))


def test_what_can_be_undone_says_how() -> None:
    make_queue("mail")
    job, letter = make_job("nightly"), make_letter()

    def limits() -> Any:
        queue = Queue.objects.get(name="mail")
        return queue.paused_at is None, queue.max_running, queue.rate_per_second

    before = limits()
    for arguments in (
        ("queues", "pause", "mail", "--reason", "a fire"),
        ("queues", "limit", "mail", "--max-running", "3"),
    ):
        ran = run(*arguments)
        assert limits() != before
        assert undo_of(ran).out == "Undone for 1 queue.\n"
        assert limits() == before
    paused = run("cron", "pause", "nightly")
    assert undo_of(paused).out == "Undone for 1 schedule.\n"
    assert run("cron", "show", "nightly", "--json").json["enabled"] is True
    muted = run("dlq", "mute", letter.fingerprint, "--for", "2h")
    assert "Undone" in undo_of(muted).out
    assert run("dlq", "show-group", letter.fingerprint, "--json").json["state"] == "OPEN"
    assert reasons() >= {"a fire", "Undo"}
    assert job.name == "nightly"


def test_an_undo_does_not_overwrite_somebody_else() -> None:
    make_queue("mail")
    ran = run("queues", "pause", "mail")
    run("queues", "limit", "mail", "--max-running", "3")
    refused = undo_of(ran)
    assert refused.code == 1
    assert "has been changed since" in refused.err
    assert run("undo", "nonsense").code == 1


def test_a_script_gets_json_and_no_words() -> None:
    make_queue("mail")
    assert run("queues", "pause", "mail", "--json").err == ""
