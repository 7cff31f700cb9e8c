"""The documents name only what exists: files, headings, commands, tests."""

import re
import shlex
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest
from django.core.management import CommandError, get_commands, load_command_class
from django.urls import Resolver404, resolve

from tests.isolation import handlers

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
_FENCED = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
_COMMAND = re.compile(r"manage\.py ([a-z_]+)")
# Up to the end of the line, or of the code in a sentence; a line may go on behind a backslash.
_COMMAND_LINE = re.compile(r"manage\.py ([a-z_]+)((?:\\\n|[^`\n|])*)")
_CALL = re.compile(r"`(GET|POST|PUT|PATCH|DELETE) (/[^`\s]*)[^`]*`")
_TEST = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")
_PLACE = re.compile(
    r"`((?:controlplane|tasks_app|workers|workflows|dlq|scaling|benchmarks|scripts|docker|examples)"
    r"/[\w./-]*)`"
)


def prose(page: Path) -> str:
    """Without blocks of code, in which brackets are not links."""
    return _FENCED.sub("", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    """The ids that a renderer gives to headings."""
    titles = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title).strip().lower().replace(" ", "-") for title in titles}


def relative_links(page: Path) -> Iterator[tuple[str, str]]:
    for link in _LINK.findall(prose(page)):
        if not re.match(r"[a-z]+:", link):
            path, _, anchor = link.partition("#")
            yield path, anchor


def test_there_are_pages() -> None:
    assert {"README.md", "docs/architecture.md", "docs/operations.md"} <= {
        str(page.relative_to(ROOT)) for page in PAGES
    }


def offences(find: Callable[[Path], Iterable[str]]) -> list[str]:
    """What `find` yields for any of the pages, with the name of the page."""
    return [f"{page.relative_to(ROOT)}: {each}" for page in PAGES for each in find(page)]


def broken_links(page: Path) -> Iterator[str]:
    for path, anchor in relative_links(page):
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            yield f"{path}#{anchor}" if anchor else path


def test_relative_links_resolve() -> None:
    assert offences(broken_links) == []


def unknown_commands(page: Path) -> list[str]:
    named = set(_COMMAND.findall(page.read_text(encoding="utf-8")))
    return sorted(named - set(get_commands()))


def test_commands_exist() -> None:
    assert offences(unknown_commands) == []


def command_lines(page: Path) -> Iterator[tuple[str, list[str]]]:
    """The commands that a page shows whole, with their arguments."""
    for name, rest in _COMMAND_LINE.findall(page.read_text(encoding="utf-8")):
        text = rest.replace("\\\n", " ").replace("…", '"a text"')
        arguments = shlex.split(text, comments=True, posix=True)
        if arguments:
            yield name, [_EXAMPLES.get(each, each) for each in arguments]


# Stands for a value in the documents.
_AN_ID = "018f6f2e-0000-7000-8000-000000000000"
_EXAMPLES = {
    **dict.fromkeys(("ID", "RUN", "OTHER", "$ID", "$LETTER", "$REPLAY"), _AN_ID),
    "N": "3",
}


def test_commands_take_the_arguments_that_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    def refused(page: Path) -> Iterator[str]:
        for name, arguments in command_lines(page):
            parser = load_command_class(get_commands()[name], name).create_parser("manage.py", name)
            try:
                parser.parse_args(arguments)
            except (SystemExit, CommandError) as error:
                if getattr(error, "code", 1) != 0:
                    yield f"{name} {' '.join(arguments)}: {error} {capsys.readouterr().err[-200:]}"

    assert offences(refused) == []


def unknown_addresses(page: Path) -> Iterator[str]:
    for _, path in _CALL.findall(page.read_text(encoding="utf-8")):
        plain = re.sub(r"\{[^}]*\}", "1", path.partition("?")[0].rstrip("/"))
        candidates = (plain, re.sub(r"\b1\b", "018f6f2e-0000-7000-8000-000000000000", plain))
        if not any(map(_resolves, candidates)):
            yield path


def test_addresses_exist() -> None:
    assert offences(unknown_addresses) == []


def _resolves(path: str) -> bool:
    try:
        resolve(path)
    except Resolver404:
        return False
    return True


def missing_tests(page: Path) -> Iterator[str]:
    for path, name in _TEST.findall(page.read_text(encoding="utf-8")):
        file = ROOT / path
        if not file.is_file() or (name and f"def {name}(" not in file.read_text(encoding="utf-8")):
            yield f"{path}::{name}"


def test_tests_exist() -> None:
    assert offences(missing_tests) == []


def missing_places(page: Path) -> list[str]:
    named = _PLACE.findall(page.read_text(encoding="utf-8"))
    return [place for place in named if not (ROOT / place).exists()]


def test_places_exist() -> None:
    assert offences(missing_places) == []


def test_every_document_is_in_the_table_of_contents() -> None:
    contents = {path for path, _ in relative_links(ROOT / "docs" / "README.md")}
    pages = {page.name for page in (ROOT / "docs").glob("*.md")} - {"README.md"}
    assert sorted(pages - contents) == []


def test_everything_that_a_handler_may_leave_behind_is_tried() -> None:
    """The last column of the table names the cases of tests/isolation."""
    page = (ROOT / "docs" / "handler-isolation.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| a?[^|]+\|[^|]+\| ((?:`[a-z-]+`(?:, )?)+) \|$", page, re.MULTILINE)
    named = [name for row in rows for name in re.findall(r"`([a-z-]+)`", row)]
    assert sorted(named) == sorted({*handlers.CASES, *handlers.ASYNC_CASES})
