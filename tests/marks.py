"""Marks that a folder, or a file, gives to its tests: see docs/testing.md.

`core` is quick and needs no row; `nightly` is long, and not part of a run without arguments;
`ci` chooses of those what runs before a change is taken. All else is a default test. A file's
marks replace those of its folder. A test may have these marks itself.
"""

from collections.abc import Iterable
from pathlib import Path

import pytest

_TESTS = Path(__file__).parent
_MARKS = {
    "acceptance/test_embedded.py": ("nightly",),
    "acceptance/test_handler_faults.py": ("nightly",),
    "acceptance/test_isolation.py": ("nightly",),
    "acceptance/test_nodes.py": ("nightly", "ci"),
    "acceptance/test_pooler.py": ("nightly", "ci"),
    "acceptance/test_schedules.py": ("nightly", "ci"),
    "acceptance/test_serve.py": ("nightly",),
    "acceptance/test_serving.py": ("nightly", "ci"),
    "acceptance/test_session.py": ("nightly",),
    "acceptance/test_shared_memory.py": ("nightly", "ci"),
    "acceptance/test_sockets.py": ("nightly", "ci"),
    "acceptance/test_streams.py": ("nightly", "ci"),
    "acceptance/test_task_backend.py": ("nightly",),
    "acceptance/test_up.py": ("nightly", "ci"),
    "acceptance/test_upgrade.py": ("nightly",),
    "architecture": ("core",),
    "browser": ("nightly",),  # the tests of other files that run before a change have the mark ci
    "browser/test_fleet.py": ("nightly", "ci"),
    "browser/test_gone.py": ("nightly", "ci"),
    "browser/test_live.py": ("nightly", "ci"),
    "browser/test_overview.py": ("nightly", "ci"),
    "browser/test_prefix.py": ("nightly", "ci"),
    "browser/test_shell.py": ("nightly", "ci"),
    "browser/test_tasks.py": ("nightly", "ci"),
    "chaos": ("nightly",),
    "integration/commands/test_corpus.py": ("nightly",),
    "integration/test_corpus_pages.py": ("nightly",),
    "integration/test_fastpath.py": ("nightly", "ci"),
    "unit": ("core",),
    "unit/processors/test_discovery.py": (),  # starts processes, as do the next two
    "unit/stress/test_settings.py": (),
    "unit/test_env.py": (),
    "unit/scaling/test_simulation.py": (),  # plays whole days
    "unit/schedules/test_generated_timings.py": (),  # a year of minutes for each example
    "unit/workflows/test_definition_limits.py": (),  # the largest definitions
}

# Folders whose tests wait for processes and browsers more than they compute.
_WAITING = ("acceptance", "browser", "chaos")
_BORROWED = {"running", "single"}  # fixtures of tests/acceptance
# Files that take more than ten seconds of a processor: the first of the others.
_LONG = (
    "integration/admin/test_access.py",
    "integration/admin/test_budgets.py",
    "integration/commands/test_corpus.py",
    "integration/test_corpus_pages.py",
    "integration/test_demo_history.py",
    "integration/test_fastpath.py",
    "integration/test_routes.py",
    "property/test_transitions.py",
    "property/test_values.py",
)


def mark_by_folder(items: Iterable[pytest.Item]) -> None:
    """Give each test the marks of its file and of its folder. One that is `nightly` by itself does
    not get `ci`."""
    for item in items:
        left_out = set()
        if item.get_closest_marker("nightly"):
            left_out.add("ci")
        if item.get_closest_marker("django_db"):
            left_out.add("core")
        for mark in _marks_of(item.path):
            if mark not in left_out:
                item.add_marker(mark)


def put_waiting_first(items: list[pytest.Item]) -> None:
    """Files that wait begin, then those that take long, so that none of them is alone at the end,
    when the other processes have nothing to do. The very first are those that borrow an engine:
    while they follow each other, it is not started twice. Apart from that the order stays."""
    borrow = {item.path for item in items if _BORROWED & set(getattr(item, "fixturenames", ()))}
    items.sort(key=lambda item: _turn_of(item.path, item.path in borrow))


def _turn_of(path: Path, borrows: bool) -> int:
    place = path.relative_to(_TESTS)
    if place.parts[0] in _WAITING:
        return 0 if borrows else 1
    return 2 if place.as_posix() in _LONG else 3


def is_left_out(path: Path, expression: str) -> bool:
    """Whether `-m expression` wants nothing of this folder of tests, which then is not read."""
    is_folder = path.parent == _TESTS and path.is_dir()
    return is_folder and expression == "core" and "core" not in _marks_of(path)


def _marks_of(path: Path) -> Iterable[str]:
    parts = path.relative_to(_TESTS)
    for place in (parts, *parts.parents):
        if place.as_posix() in _MARKS:
            return _MARKS[place.as_posix()]
    return ()
