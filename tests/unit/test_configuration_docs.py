"""The documents say what the settings read: every variable, its default and its range."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = ROOT / "controlplane" / "settings"
EMBEDDED = ROOT / "controlplane" / "embedded"
PAGE = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
EXAMPLE = (ROOT / ".env.example").read_text(encoding="utf-8")
ROWS = dict(re.findall(r"^\| `([A-Z_]+)` \|(.*)\|$", PAGE, re.MULTILINE))

# Read by our helpers, which look into `.env` too; a method's name says what it reads.
READERS = {"text", "choice", "integer", "decimal", "flag", "limit", "words", "url"}


def calls(folder: Path) -> Iterator[ast.Call]:
    for path in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                yield node


def read_by_helpers() -> list[tuple[str, ast.Call]]:
    return [
        (str(_literal(call.args[0])), call)
        for call in calls(SETTINGS)
        if call.func.attr in READERS  # type: ignore[attr-defined] # only attributes are yielded
        and ast.unparse(call.func).startswith("env.")
        # Those of scaling.schema are compared by tests/unit/scaling/test_schema.py.
        and ast.unparse(call.args[0]) != "setting.env"
    ]


def read_directly() -> set[str]:
    """Names in `os.environ.get("X")` and `os.environ["X"]`."""
    texts = [
        path.read_text(encoding="utf-8")
        for folder in (SETTINGS, EMBEDDED)
        for path in folder.rglob("*.py")
    ]
    pattern = re.compile(r"os\.environ(?:\.get\(|\.setdefault\(|\[)\"([A-Z_]+)\"")
    return {name for text in texts for name in pattern.findall(text)}


def _literal(node: ast.AST | None) -> object:
    """The value of a literal or of a power of literals; None for anything else."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
        base, exponent = _literal(node.left), _literal(node.right)
        if isinstance(base, int) and isinstance(exponent, int):
            return base**exponent
        return None
    try:
        return ast.literal_eval(node) if node is not None else None
    except ValueError:
        return None


def _figure(value: float) -> str:
    return f"{value:.0f}" if value == int(value) else str(value)


def test_something_is_read_at_all() -> None:
    names = {name for name, _ in read_by_helpers()}
    assert {"DATABASE_URL", "WORKER_CONCURRENCY", "ALLOWED_HOSTS"} <= names
    assert "TASKPLANE_HOME" in read_directly()


def test_every_variable_is_described() -> None:
    names = {name for name, _ in read_by_helpers()} | read_directly()
    assert sorted(names - set(ROWS)) == []


def test_every_variable_of_the_file_is_in_the_example() -> None:
    names = {name for name, _ in read_by_helpers()}
    shown = set(re.findall(r"^#?([A-Z_]+)=", EXAMPLE, re.MULTILINE))
    assert sorted(names - shown) == []
    assert sorted(shown - set(ROWS)) == []


@pytest.mark.parametrize(
    ("name", "call"),
    [(n, c) for n, c in read_by_helpers() if c.func.attr in ("integer", "decimal")],  # type: ignore[attr-defined] # as above
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_default_and_range_are_the_real_ones(name: str, call: ast.Call) -> None:
    default, shown_range, *_ = (cell.strip().replace(",", "") for cell in ROWS[name].split("|"))
    value = _literal(call.args[1])
    assert isinstance(value, int | float)
    assert default == _figure(value)
    bounds = {word.arg: _literal(word.value) for word in call.keywords}
    for bound in ("minimum", "maximum"):
        limit = bounds[bound]
        if isinstance(limit, int | float):  # a named constant is not evaluated
            assert _figure(limit) in shown_range.split(" to ")
