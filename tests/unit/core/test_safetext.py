"""Text of strangers on a terminal and in log lines."""

import json
import logging
import sys
from io import StringIO

import pytest
from django.core.management.base import BaseCommand, OutputWrapper
from django.core.management.base import CommandError as DjangoCommandError

from controlplane.core.console.command import SafeCommand
from controlplane.core.console.output import CommandError
from controlplane.core.console.tables import (
    Console,
    Table,
    make_progress,
    print_record,
    styled,
)
from controlplane.core.safetext import LineFormatter, safe_json, safe_text
from tests.hostiletext import HOSTILE, find_dangers


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, naïve, 日本語, 🙂, [bold]", "plain, naïve, 日本語, 🙂, [bold]"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("\x9b31m\x85\x7f\x00\x08", r"\x9b31m\x85\x7f\x00\x08"),
        ("one\ntwo\rthree\tfour", r"one\ntwo\rthree\tfour"),
        ("\u202egpj.exe\u2066\u2069", r"\u202egpj.exe\u2066\u2069"),
        ("a\u200bb\u200d\u2060\ufeff\u00ad\u061c", r"a\u200bb\u200d\u2060\ufeff\xad\u061c"),
        ("\u2028\u2029", r"\u2028\u2029"),
        ("\u3164\u115f\u2800\u034f", r"\u3164\u115f\u2800\u034f"),
        ("\U000e0041\ud800\ue000", r"\U000e0041\ud800\ue000"),
    ],
)
def test_only_what_stands_where_it_is_printed_is_left(text: str, shown: str) -> None:
    assert safe_text(text) == shown
    assert find_dangers(safe_text(text)) == []


def test_lines_of_ones_own_are_kept() -> None:
    assert safe_text("a\n\tb\r\x1b", keep_lines=True) == "a\n\tb\\r\\x1b"


def test_every_code_point_is_printable_or_escaped() -> None:
    text = "".join(map(chr, range(0x110000)))
    assert find_dangers(safe_text(text)) == []


def test_json_is_printable_and_the_same_value() -> None:
    value = {HOSTILE: [HOSTILE, 1.5, None]}
    text = safe_json(value)
    assert json.loads(text) == value
    assert text.replace("\n", "").isprintable()
    assert text.isascii()


class TestConsole:
    """Whatever way a text takes to the console."""

    def shown(self, *things: object) -> str:
        out = StringIO()
        console = Console(file=out, width=200)
        for thing in things:
            console.print(thing)
        return out.getvalue()

    def test_lines_cells_headers_and_titles(self) -> None:
        table = Table(HOSTILE, title=HOSTILE, caption=HOSTILE)
        table.add_row(HOSTILE)
        table.add_row(styled(HOSTILE, "red"))
        table.add_section()
        text = self.shown(table, HOSTILE, f"before {HOSTILE} after")
        assert find_dangers(text) == []
        assert text.count("[/x]") == 7
        assert ":smile:" in text

    def test_markup_is_off_even_when_asked_for(self) -> None:
        out = StringIO()
        Console(file=out, width=200).print("[bold]x[/y]", markup=True, emoji=True)
        assert out.getvalue() == "[bold]x[/y]\n"

    def test_progress(self) -> None:
        out = StringIO()
        with make_progress(Console(file=out, width=500, force_terminal=True)) as progress:
            progress.add_task(HOSTILE, total=1, note=HOSTILE)
            drawn = [progress.columns[number].render(progress.tasks[0]).plain for number in (0, 4)]  # type: ignore[union-attr] # columns of text
        assert find_dangers("".join(drawn)) == []

    def test_a_long_word_breaks_no_table(self) -> None:
        table = Table("name", "state")
        table.add_row("w" * 1_000, "FAILED")
        text = self.shown(table)
        assert max(map(len, text.splitlines())) <= 200
        assert "FAILED" in text

    def test_nothing_of_a_record_is_cut_off(self) -> None:
        out = StringIO()
        print_record(Console(file=out, width=200), {"payload": "w" * 1_000}, without=())
        text = out.getvalue()
        assert text.count("w") == 1_000
        assert max(map(len, text.splitlines())) <= 200


class Shouting(SafeCommand):
    """Prints what it is given, in every way that a command has."""

    def handle(self, *args: object, **options: object) -> None:
        self.stdout.write(HOSTILE)
        self.stderr.write(HOSTILE.replace("\n", ""))
        self.warn(HOSTILE)
        self.write_lines([HOSTILE, HOSTILE])
        self.write_json({HOSTILE: HOSTILE})
        if options.get("fails") == "django":
            raise DjangoCommandError(HOSTILE, returncode=7)
        if options.get("fails"):
            raise CommandError("first", HOSTILE, returncode=7)


class TestCommands:
    """What a command can do without thinking of it is safe."""

    def test_streams(self) -> None:
        out, err = StringIO(), StringIO()
        Shouting(stdout=out, stderr=err).execute(force_color=False, no_color=True, skip_checks=True)
        assert find_dangers(out.getvalue()) == []
        assert find_dangers(err.getvalue()) == []
        assert out.getvalue().count("\n") == 3 + 3

    def test_streams_that_are_set_later_are_wrapped_too(self) -> None:
        command = Shouting()
        out = StringIO()
        command.stdout = OutputWrapper(out)
        command.stdout.write(HOSTILE)
        assert find_dangers(out.getvalue()) == []

    @pytest.mark.parametrize("kind", ["ours", "django"])
    def test_errors(self, kind: str) -> None:
        with pytest.raises(CommandError) as caught:
            Shouting(stdout=StringIO(), stderr=StringIO()).execute(
                fails=kind, force_color=False, no_color=True, skip_checks=True
            )
        assert find_dangers(str(caught.value)) == []
        assert str(caught.value).count("\n") == (1 if kind == "ours" else 0)
        assert caught.value.returncode == 7

    def test_errors_at_the_shell(self, capsys: pytest.CaptureFixture[str]) -> None:
        class Failing(Shouting):
            def handle(self, *args: object, **options: object) -> None:
                raise CommandError(HOSTILE)

        with pytest.raises(SystemExit):
            Failing(stderr=sys.stderr).run_from_argv(["manage.py", "failing"])
        shown = capsys.readouterr().err
        assert shown.startswith("CommandError: ")
        assert find_dangers(shown) == []

    def test_it_is_a_django_command(self) -> None:
        assert issubclass(SafeCommand, BaseCommand)


class TestLogLines:
    """One record, one line, and a traceback that cannot pass for a record."""

    def lines(self, message: str, *args: object, error: Exception | None = None) -> list[str]:
        record = logging.LogRecord("a.b", logging.ERROR, "x.py", 1, message, args, None)
        if error is not None:
            record.exc_info = (type(error), error, error.__traceback__)
        formatter = LineFormatter("{levelname} {name}: {message}", style="{")
        return formatter.format(record).split("\n")

    def test_a_name_forges_no_line(self) -> None:
        (line,) = self.lines("task %s failed", HOSTILE)
        assert line.startswith("ERROR a.b: task ")
        assert find_dangers(line) == []

    def test_neither_does_an_error(self) -> None:
        first, *more = self.lines("it failed", error=ValueError(f"x\n{HOSTILE}"))
        assert first == "ERROR a.b: it failed"
        assert all(line.startswith("    ") for line in more)
        assert find_dangers("\n".join(more)) == []

    def test_credentials_are_masked(self) -> None:
        lines = self.lines("password=%s", "hunter2", error=ValueError("token=hunter2"))
        assert "hunter2" not in "\n".join(lines)

    def test_the_record_stays_as_it_was_for_other_handlers(self) -> None:
        record = logging.LogRecord("a", logging.INFO, "x.py", 1, "a %s", ("b\n",), None)
        LineFormatter("{message}", style="{").format(record)
        assert (record.msg, record.args) == ("a %s", ("b\n",))

    def test_it_is_the_formatter_of_the_settings(self) -> None:
        from controlplane.settings.parts.logging import LOGGING

        names = {each["()"] for each in LOGGING["formatters"].values()}
        assert names == {"controlplane.core.safetext.LineFormatter"}
