"""What holds for every command and subcommand, whatever it does."""

import subprocess
import sys
from argparse import SUPPRESS, ArgumentParser, _SubParsersAction
from collections.abc import Iterator

import pytest
from django.core.management import get_commands, load_command_class

from controlplane.cli import CONSOLE
from controlplane.core.console.command import ConsoleCommand
from tests.architecture.test_conventions import PACKAGES, ROOT
from tests.hostiletext import HOSTILE, find_dangers
from tests.integration.commands.running import run
from tests.integration.commands.test_hostile_text import COMMANDS

OWN = sorted(
    n for n, app in get_commands().items() if app.partition(".")[0] in {*PACKAGES, "benchmarks"}
)


def walk(parser: ArgumentParser, path: str) -> Iterator[tuple[str, ArgumentParser]]:
    """The parser and those of its subcommands, however deep."""
    yield path, parser
    for action in parser._actions:
        if isinstance(action, _SubParsersAction):
            for name, child in action.choices.items():
                yield from walk(child, f"{path} {name}")


def parsers() -> list[tuple[str, ArgumentParser]]:
    return [
        found
        for name in OWN
        for found in walk(
            load_command_class(get_commands()[name], name).create_parser("manage.py", name), name
        )
    ]


def needs_subcommand(parser: ArgumentParser) -> bool:
    return any(isinstance(each, _SubParsersAction) and each.required for each in parser._actions)


def prints_records(name: str) -> bool:
    """The others run until they are stopped."""
    return isinstance(load_command_class(get_commands()[name], name), ConsoleCommand)


PARSERS = parsers()
PRINTING = [
    (path, parser)
    for path, parser in PARSERS
    if prints_records(path.split()[0]) and not needs_subcommand(parser)
]

each_parser = pytest.mark.parametrize(("path", "parser"), PARSERS, ids=[p for p, _ in PARSERS])


@each_parser
def test_the_help_is_a_sentence_and_names_the_exit_codes(path: str, parser: ArgumentParser) -> None:
    summary = parser.description or ""
    assert summary[:1].isupper(), summary
    assert summary.endswith("."), summary
    assert "\n" not in summary
    assert len(summary) <= 100
    assert "Exit codes: 0 done; 1 failed" in parser.format_help()


@each_parser
def test_the_help_fits_80_columns(
    path: str, parser: ArgumentParser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert [line for line in parser.format_help().splitlines() if len(line) > 80] == []


@each_parser
def test_every_argument_has_help(path: str, parser: ArgumentParser) -> None:
    silent = [
        action.dest
        for action in parser._actions
        if action.help in (None, "", SUPPRESS) and not isinstance(action, _SubParsersAction)
    ]
    assert silent == []


@pytest.mark.parametrize(("path", "parser"), PRINTING, ids=[p for p, _ in PRINTING])
def test_json_is_offered(path: str, parser: ArgumentParser) -> None:
    assert "--json" in parser._option_string_actions


def test_those_that_print_start_without_what_only_pages_need() -> None:
    assert {name for name in OWN if prints_records(name)} == CONSOLE


def test_every_subcommand_is_run_by_the_tests_of_json_and_of_hostile_text() -> None:
    untried = [
        path
        for path, _ in PRINTING
        if not any(f"{command} ".startswith(f"{path} ") for command in COMMANDS)
    ]
    assert untried == []


def test_what_argparse_refuses_ends_with_2_and_is_repeated_safely() -> None:
    for arguments in (
        ["tasks", "list", f"--{HOSTILE}"],
        ["tasks", HOSTILE],
        ["tasks"],
        ["dlq", "show", HOSTILE],
        ["up", f"--{HOSTILE}"],
        ["scaling", "config", "set", HOSTILE],
    ):
        ran = run(*arguments)
        assert ran.code == 2, arguments
        assert "--help` lists the options." in ran.err
        assert find_dangers(ran.err) == []


def test_so_it_is_at_the_shell() -> None:
    argument = HOSTILE.replace("\x00", "")
    done = subprocess.run(
        [sys.executable, "manage.py", "tasks", "list", argument],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "error: unrecognized arguments: " in done.stderr
    assert "`manage.py tasks --help` lists the options." in done.stderr
    assert find_dangers(done.stdout + done.stderr) == []
