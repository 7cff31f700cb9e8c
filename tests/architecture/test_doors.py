"""What users wrote leaves by one door: `represent_value`, called by `represent`.

Payloads, results, errors and log lines are read by engine and services everywhere. In what shows
things (views, exports, pages, commands, templates) only a schema may name them.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.test_conventions import PACKAGES, ROOT

GUARDED = {"payload", "result", "error", "traceback", "logs"}
SHOWS = {"views", "api", "exports", "admin", "management", "report"}
_IN_TEMPLATE = re.compile(rf"{{[{{%][^}}]*\.(?:{'|'.join(sorted(GUARDED))})\b")


def shows(path: Path) -> bool:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return not SHOWS.isdisjoint(parts) and "schema" not in parts


def reads_guarded(source: str) -> Iterator[int]:
    """Lines that read a guarded attribute, or show a field of its source. What is
    handed to `represent_value` goes through the door."""
    tree = ast.parse(source)
    through = {
        inner
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "represent_value"
        for inner in ast.walk(call)
    }
    for node in ast.walk(tree):
        if node in through:
            continue
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
            yield from [node.lineno] if node.attr in GUARDED else []
        if isinstance(node, ast.keyword) and node.arg == "source":
            value = node.value.value if isinstance(node.value, ast.Constant) else ""
            if str(value).rpartition(".")[2] in GUARDED:
                yield node.value.lineno


def doors() -> set[str]:
    found = set()
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            if shows(path) and any(reads_guarded(path.read_text())):
                found.add(str(path.relative_to(ROOT)))
        for path in (ROOT / package).rglob("*.html"):
            if _IN_TEMPLATE.search(path.read_text()):
                found.add(str(path.relative_to(ROOT)))
    return found


def test_no_other_door_is_opened() -> None:
    assert doors() == set(), "show it by represent() or represent_value()"


def test_the_check_itself_finds_doors() -> None:
    seeded = (
        "a = task.payload\nb = F(source='schedule.payload')\ntask.error = 1\nc = row['error']\n"
    )
    seeded += "d = represent_value('payload', task.payload, actor)\n"
    assert sorted(reads_guarded(seeded)) == [1, 2]
    assert shows(ROOT / "dlq/api.py")
    assert shows(ROOT / "tasks_app/exports.py")
    assert not shows(ROOT / "tasks_app/services/control.py")
    assert _IN_TEMPLATE.search("<pre>{{ letter.error.message }}</pre>")
