"""Nothing prints around `controlplane.core.console`: commands write safe streams, one module
draws."""

import ast
from collections.abc import Iterator
from pathlib import Path

from django.core.management import get_commands, load_command_class

from controlplane.core.console.command import SafeCommand
from tests.architecture.test_conventions import PACKAGES, ROOT, trees

CONSOLE = ROOT / "controlplane" / "core" / "console"
RICH = CONSOLE / "tables.py"
STREAMS = {CONSOLE / "command.py", CONSOLE / "output.py"}
# They print before Django is there, or for nobody but the test of the embedded servers.
PRINTS = {ROOT / "controlplane" / "cli.py", ROOT / "controlplane" / "embedded" / "__main__.py"}


def violations(path: Path, tree: ast.AST) -> Iterator[str]:
    """Ways to the terminal that make nothing safe."""
    for node in ast.walk(tree):
        names = _imported(node)
        if any(name.partition(".")[0] == "rich" for name in names) and path != RICH:
            yield f"{node.lineno}: only controlplane.core.console.tables imports rich"  # type: ignore[attr-defined] # imports have one
        if path not in STREAMS and any(
            name.startswith("django.core.management.base.")
            and name.rpartition(".")[2]
            in ("BaseCommand", "CommandError", "CommandParser", "OutputWrapper")
            for name in names
        ):
            yield f"{node.lineno}: import it from controlplane.core.console"  # type: ignore[attr-defined] # imports have one
        if isinstance(node, ast.Call) and path not in {*STREAMS, *PRINTS}:
            if isinstance(node.func, ast.Name) and node.func.id == "print":
                yield f"{node.lineno}: print"
            is_write = getattr(node.func, "attr", "") in ("write", "write_block", "raw")
            text = ast.unparse(node.func) if is_write else ""
            if text in ("self.stderr.write", "sys.stdout.write", "sys.stderr.write"):
                yield f"{node.lineno}: {text}; use warn() or self.stdout.write"
            if text.endswith("stdout.write_block"):
                yield f"{node.lineno}: write_block takes no text of others; use write_json"
            if text.endswith(("stdout.raw", "._out.write")):
                yield f"{node.lineno}: {text} is not safe"


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [f"{node.module}.{alias.name}" for alias in node.names]
    return []


def test_the_check_itself_finds_them() -> None:
    seeded = (
        "from rich.table import Table\n"
        "import rich\n"
        "from django.core.management.base import BaseCommand, CommandError\n"
        "print(1)\n"
        "self.stderr.write(name)\n"
        "self.stdout.write_block(name)\n"
        "sys.stdout.write(name)\n"
    )
    found = list(violations(ROOT / "x.py", ast.parse(seeded)))
    assert [int(each.partition(":")[0]) for each in found] == [1, 2, 3, 4, 5, 6, 7]


def test_nothing_prints_around_it() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{violation}"
        for path, tree in trees().items()
        for violation in violations(path, tree)
    ]
    assert found == []


def test_every_command_is_a_safe_one() -> None:
    own = {n: app for n, app in get_commands().items() if app.partition(".")[0] in PACKAGES}
    assert {"tasks", "dlq", "cron", "workflows", "scaling", "stress", "apikeys", "up"} <= set(own)
    for name, app in own.items():
        assert isinstance(load_command_class(app, name), SafeCommand), name
