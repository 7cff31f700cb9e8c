"""What one page offers to undo, no other page changes without offering it."""

import ast
from collections.abc import Iterator
from functools import cache

from tests.architecture.test_conventions import ROOT, trees

_OFFERS = {"offer_undo"}


def calls_of(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func).rpartition(".")[2], node


@cache
def undoable() -> frozenset[str]:
    """The services that a module `undo` calls as an actor to change something back, and what wraps
    them there."""
    trees_of = [tree for path, tree in trees().items() if path.name == "undo.py"]
    services = {
        name
        for tree in trees_of
        for name, call in calls_of(tree)
        if any(keyword.arg == "actor" for keyword in call.keywords)
    }
    wrappers = {
        function.name
        for tree in trees_of
        for function in tree.body
        if isinstance(function, ast.FunctionDef)
        and services & {name for name, _ in calls_of(function)}
    }
    return frozenset(services | wrappers)


def offers_no_undo(tree: ast.Module) -> bool:
    """Whether a module of pages changes what can be undone, and offers it nowhere."""
    names = {name for name, _ in calls_of(tree)}
    return bool(names & undoable()) and not names & _OFFERS and not _hands_it_on(tree)


def _hands_it_on(tree: ast.Module) -> bool:
    return any(keyword.arg == "undo" for _, call in calls_of(tree) for keyword in call.keywords)


def test_the_check_itself_finds_them() -> None:
    assert undoable() >= {
        "change_queue", "reprioritize_tasks", "change_configuration", "set_override",
        "release_override", "decide", "update_schedule", "change_schedule",
    }  # fmt: skip
    change = "change_configuration(form.changes(), actor=actor)\n"
    assert offers_no_undo(ast.parse(change))
    assert not offers_no_undo(ast.parse(f"{change}offer_undo(request, kind, values, text)\n"))
    assert not offers_no_undo(ast.parse("change_queue(1)\nself.act(request, undo=(1, 2))\n"))


def test_every_page_that_changes_what_can_be_undone_offers_it() -> None:
    pages = {
        path: tree
        for path, tree in trees().items()
        if "admin" in path.parts or "configuration" in path.parts
    }
    assert len(pages) > 60
    wrong = [str(path.relative_to(ROOT)) for path, tree in pages.items() if offers_no_undo(tree)]
    assert not wrong, "\n".join(wrong)
