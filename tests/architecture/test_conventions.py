"""Rules of the house that no linter knows."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("controlplane", "tasks_app", "workers", "workflows", "scaling", "dlq")
LONGEST_FILE = 300
LONGEST_FUNCTION = 40
_WRITES_ROWS = re.compile(
    r"\b(?:INSERT\s+INTO|UPDATE\s+\w+|DELETE\s+FROM)\b|\bFOR\s+(?:NO\s+KEY\s+)?UPDATE\b"
)
_WRITING_METHODS = "bulk_create bulk_update create delete save select_for_update update_or_create"
_WRITES_STATE = re.compile(r"\bSET\b(?:(?!\bWHERE\b|\bRETURNING\b).)*?\bstate\s*=", re.DOTALL)


def sources() -> list[Path]:
    return [
        path
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
        if "migrations" not in path.parts
    ]


@cache
def trees() -> dict[Path, ast.Module]:
    """Every source, parsed once for all rules."""
    return {path: ast.parse(path.read_text(encoding="utf-8")) for path in sources()}


def writes_of_state(tree: ast.AST) -> Iterator[int]:
    """Lines that set a column named `state`: by attribute, by `update(state=…)`, or in SQL text."""
    for node in ast.walk(tree):
        if _sets_attribute(node) or _updates_column(node) or _is_sql_write(node):
            yield node.lineno  # type: ignore[attr-defined] # expressions all have one


def _sets_attribute(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Attribute)
        and node.attr == "state"
        and isinstance(node.ctx, ast.Store)
        and not (isinstance(node.value, ast.Name) and node.value.id in ("self", "cls"))
    )


def _updates_column(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("update", "bulk_update", "update_or_create", "aupdate")
        and any(keyword.arg == "state" for keyword in node.keywords)
    )


def _is_sql_write(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and _WRITES_STATE.search(node.value) is not None
    )


def test_the_check_itself_finds_writes() -> None:
    seeded = (
        "task.state = 'X'\n"
        "Task.objects.filter(id=1).update(state='X')\n"
        "cursor.execute('UPDATE tasks_app_task SET priority = 1, state = 2 WHERE id = 3')\n"
        "cursor.execute('SELECT 1 FROM tasks_app_task WHERE state = 2')\n"
    )
    assert sorted(writes_of_state(ast.parse(seeded))) == [1, 2, 3]


def test_only_transitions_write_state() -> None:
    writes = [
        f"{path.relative_to(ROOT)}:{line}"
        for path, tree in trees().items()
        if path.name != "transitions.py"
        for line in writes_of_state(tree)
    ]
    assert writes == []


def test_sql_files_that_write_state_are_run_by_transitions_only() -> None:
    writers = {
        path.stem
        for path in (ROOT / "tasks_app" / "sql").glob("*.sql")
        if _WRITES_STATE.search(re.sub(r"--.*", "", path.read_text()))
    }
    assert {"finish_leased", "claim_ready", "promote_due"} <= writers
    strangers = [
        f"{path.relative_to(ROOT)} runs {name}"
        for path in sources()
        if path.name != "transitions.py"
        for name in writers
        if f'load_sql("tasks_app", "{name}")' in path.read_text()
    ]
    assert strangers == []


def writes_of_rows(source: str) -> Iterator[int]:
    """Lines that write or lock rows: by a method of a model or query set, or in SQL, also in a file
    that is loaded."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if _WRITES_ROWS.search(node.value):
                yield node.lineno
        elif isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
            # A dict or Counter is updated with a value, rows with names of columns.
            if name in _WRITING_METHODS.split() or (name == "update" and node.keywords):
                yield node.lineno
            if ast.unparse(node.func) == "load_sql":
                app, name = (ast.unparse(each).removeprefix("f'").strip("'") for each in node.args)
                folder = ROOT / app.replace(".", "/") / "sql"
                files = list(folder.glob(re.sub("{.*}", "*", name) + ".sql"))
                assert files, f"{folder} has no {name}.sql"
                if any(_WRITES_ROWS.search(re.sub("--.*", "", f.read_text())) for f in files):
                    yield node.lineno


def test_queries_only_read() -> None:
    """They may import the models of the apps below, so nothing else keeps them from writing."""
    queries = [path for path in sources() if "queries" in path.with_suffix("").parts]
    assert len(queries) > 30
    writes = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in queries
        for line in writes_of_rows(path.read_text())
    ]
    assert writes == []


def test_the_check_of_queries_finds_writes() -> None:
    seeded = (
        "Task.objects.filter(id=1).update(priority=2)\n"
        "counts.update(other)\n"
        "found.delete()\n"
        "cursor.execute('SELECT 1 FROM tasks_app_task FOR UPDATE')\n"
        "load_sql('tasks_app', 'claim_ready')\n"
        "load_sql('tasks_app', 'count_tasks')\n"
    )
    assert sorted(writes_of_rows(seeded)) == [1, 3, 4, 5]


def test_files_and_functions_stay_readable() -> None:
    long = []
    for path, tree in trees().items():
        if (count := path.read_text().count("\n")) > LONGEST_FILE + 100:
            long.append(f"{path.relative_to(ROOT)}: {count} lines")
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or 0) - node.lineno + 1
                if length > LONGEST_FUNCTION + 15:
                    long.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.name}: {length}")
    assert long == []


def test_every_transition_of_the_table_is_between_known_states() -> None:
    from tasks_app.states import FINAL, TRANSITIONS, TaskState

    assert set(TRANSITIONS) == set(TaskState)
    assert all(after <= set(TaskState) for after in TRANSITIONS.values())
    for final in FINAL:
        assert TRANSITIONS[final] <= {TaskState.PENDING, TaskState.BLOCKED}
