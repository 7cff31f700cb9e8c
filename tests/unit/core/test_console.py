"""The kit of the command line: answers, errors, confirmation, polling and what options take."""

import json
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from controlplane.core.clock import now
from controlplane.core.console import options as kit
from controlplane.core.console.command import ConsoleCommand, Options, Reply
from controlplane.core.console.output import EXIT_NOT_FOUND, EXIT_USAGE, CommandError
from controlplane.core.console.polling import poll
from controlplane.core.console.tables import columns_of, list_view
from controlplane.core.errors import Invalid, NotFound
from controlplane.core.formatting import EMPTY

ROWS = [{"id": 1, "name": None}, {"id": 2, "name": "two"}]
WRONG = [{"field": "a", "message": "No."}, {"field": "b", "message": "Neither."}]


class Command(ConsoleCommand):
    """One subcommand for each kind of answer."""

    help = "Try the kit."

    def add_arguments(self, parser: ArgumentParser) -> None:
        subcommands = self.add_subcommands(parser)
        add = subcommands.add
        add("list", lambda _: ROWS, "List.", show=list_view({"name": "name"}, empty="Nothing."))
        add("empty", lambda _: [], "List.", show=list_view({"name": "name"}, empty="Nothing."))
        add("record", lambda _: {"a": 1}, "Show as JSON.")
        add("reply", lambda _: Reply({"a": 1}, ["one line"]), "Reply.")
        add("silent", lambda _: None, "Print nothing.")
        add("missing", self._raise(NotFound("There is none.")), "Raise NotFound.")
        add("invalid", self._raise(Invalid(errors=WRONG)), "Raise Invalid.")
        failed = CommandError("It failed.", returncode=7, body=Reply({"a": 1}, ["one line"]))
        add("failed", self._raise(failed), "Raise CommandError.")
        kit.add_yes(add("delete", self._delete, "Delete."))
        outer = add("outer", lambda _: {"is": "outer"}, "Do without the inner one.")
        subcommands.nest(outer).add("inner", lambda _: Reply({"is": "inner"}, ["inner"]), "Inner.")

    def _raise(self, error: Exception) -> Callable[[Options], None]:
        def run(options: Options) -> None:
            raise error

        return run

    def _delete(self, options: Options) -> Reply:
        self.confirm("Delete it?", options)
        return Reply({"deleted": True}, ["Deleted."])


class Terminal(StringIO):
    """A stream that says that a person is there."""

    def isatty(self) -> bool:
        return True


def run(*arguments: str) -> str:
    out = StringIO()
    call_command(Command(), *arguments, stdout=out, stderr=StringIO(), no_color=True)
    return out.getvalue()


class TestAnswers:
    def test_a_list_is_a_table_or_a_sentence(self) -> None:
        assert "two" in run("list")
        assert EMPTY in run("list").splitlines()[3]  # no name
        assert run("empty") == "Nothing.\n"
        assert json.loads(run("list", "--json")) == ROWS
        assert json.loads(run("empty", "--json")) == []

    def test_columns_have_the_words_of_the_api(self) -> None:
        assert columns_of("id", "lastSeenAt") == {"id": "id", "last seen at": "lastSeenAt"}

    def test_a_record_without_a_view_is_json(self) -> None:
        assert json.loads(run("record")) == json.loads(run("record", "--json")) == {"a": 1}

    def test_a_reply_has_lines_for_people_and_a_body_for_scripts(self) -> None:
        assert run("reply") == "one line\n"
        assert json.loads(run("reply", "--json")) == {"a": 1}
        assert run("silent") == ""

    def test_a_nested_subcommand_keeps_the_options_before_it(self) -> None:
        assert run("outer", "inner") == "inner\n"
        for arguments in (("outer", "--json", "inner"), ("outer", "inner", "--json")):
            assert json.loads(run(*arguments)) == {"is": "inner"}
        assert json.loads(run("outer")) == {"is": "outer"}


class TestErrors:
    def test_what_a_service_refuses(self) -> None:
        with pytest.raises(CommandError, match="There is none") as missing:
            run("missing")
        assert missing.value.returncode == EXIT_NOT_FOUND
        with pytest.raises(CommandError) as invalid:
            run("invalid")
        assert (str(invalid.value), invalid.value.returncode) == ("a: No.\nb: Neither.", 1)

    @pytest.mark.parametrize(("option", "printed"), [([], "one line\n"), (["--json"], '{\n  "a"')])
    def test_what_was_found_out_is_printed_before_the_error(
        self, option: list[str], printed: str
    ) -> None:
        out = StringIO()
        with pytest.raises(CommandError, match=r"It failed\.") as failed:
            call_command(Command(), "failed", *option, stdout=out, no_color=True)
        assert failed.value.returncode == 7
        assert out.getvalue().startswith(printed)

    def test_a_subcommand_is_needed(self) -> None:
        with pytest.raises(CommandError, match="required: subcommand") as wrong:
            run()
        assert wrong.value.returncode == EXIT_USAGE


class TestConfirmation:
    def answer(self, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
        monkeypatch.setattr("sys.stdin", Terminal(text))
        monkeypatch.setattr("sys.stderr", Terminal())

    @pytest.mark.parametrize("text", ["n\n", "\n", "", "yess\n"])
    def test_a_person_is_asked(self, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.answer(monkeypatch, text)
        with pytest.raises(CommandError, match="Nothing was changed"):
            run("delete")
        self.answer(monkeypatch, "Yes\n")
        assert run("delete") == "Deleted.\n"

    @pytest.mark.parametrize("option", ["--yes", "--json"])
    def test_unless_the_answer_is_given(self, option: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.answer(monkeypatch, "n\n")
        assert "eleted" in run("delete", option)

    def test_a_script_is_not_asked(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.answer(monkeypatch, "n\n")
        monkeypatch.setattr("sys.stdin", StringIO("n\n"))
        assert run("delete") == "Deleted.\n"


def test_polling_ends_with_the_value_or_with_the_time() -> None:
    values = iter(range(10))
    seen: list[int] = []
    read: Any = values.__next__
    found = poll(read, until=lambda n: n == 2, seconds=60, every=0, show=seen.append)
    assert (found, seen) == ((2, True), [0, 1, 2])
    assert poll(lambda: 1, until=lambda _: False, seconds=0, every=0) == (1, False)


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (kit.whole_number(1, 10), "10", 10),
        (kit.whole_number(-5, 5), "-5", -5),
        (kit.number(0, 1), "0", 0.0),
        (kit.one_or_none(kit.whole_number(1, 10)), "none", "none"),
        (kit.one_or_none(kit.whole_number(1, 10)), "3", 3),
        (kit.duration_seconds, "90", 90.0),
        (kit.duration_seconds, "0.5", 0.5),
        (kit.duration_seconds, "50ms", 0.05),
        (kit.duration_seconds, "10m", 600.0),
        (kit.names_of(["A", "B"], ignore_case=True), "b, a,b", ["B", "A"]),
    ],
)
def test_what_options_take(read: Callable[[str], Any], text: str, value: Any) -> None:
    assert read(text) == value


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (kit.whole_number(1, 10), "11"),
        (kit.whole_number(1, 10), "1.0"),
        (kit.whole_number(1, 10), "٣"),
        (kit.whole_number(1, 10), ""),
        (kit.number(0, 1), "nan"),
        (kit.number(0, 1, above=True), "0"),
        (kit.one_or_none(kit.number(0, 1)), "inf"),
        (kit.duration_seconds, "soon"),
        (kit.identifier, "12"),
        (kit.time, "2030-01-31T08:00:00"),
        (kit.time_or_age, "yesterday"),
        (kit.time_or_age, "99999999999d"),
        (kit.names_of(["A", "B"]), "A,C"),
        (kit.names_of(["A", "B"]), ","),
    ],
)
def test_what_options_refuse(read: Callable[[str], Any], text: str) -> None:
    with pytest.raises(ArgumentTypeError):
        read(text)


def test_a_time_or_how_long_ago() -> None:
    assert kit.time_or_age("2030-01-31T08:00:00Z").year == 2030
    age = kit.time_or_age("1h") + timedelta(hours=1) - now()
    assert abs(age) < timedelta(minutes=1)
