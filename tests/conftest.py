"""Fixtures that every kind of test may use."""

import gc
import os
import sys
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from django.db import connection
from django.test import TransactionTestCase
from pytest_django import DjangoDbBlocker

from controlplane.core import process_state
from tests import cleaning, pooler
from tests.marks import is_left_out, mark_by_folder, put_waiting_first


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    return is_left_out(collection_path, config.getoption("markexpr")) or None


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Generator[None, object, object]:
    """Marks before `-m` chooses; the order after it was made a random one."""
    mark_by_folder(items)
    result = yield
    put_waiting_first(items)
    return result


def pytest_collection() -> None:
    """Nothing of what is loaded now becomes garbage."""
    gc.disable()


def pytest_collection_finish() -> None:
    """What has been loaded until now stays: the garbage collector leaves it alone, and looks less
    often through what pages load later; that was a tenth of the time of all tests."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    gc.enable()


def pytest_runtest_logfinish() -> None:
    """Engines that stand idle take time from the tests that need none."""
    if "tests.standing" in sys.modules:
        sys.modules["tests.standing"].engines.end_idle()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """The tests' database, which is cleaned quickly after tests that commit."""
    with django_db_blocker.unblock():
        cleaning.remember_rows()
    TransactionTestCase._fixture_teardown = lambda _: cleaning.restore_rows()  # type: ignore[attr-defined]
    yield
    pooler.end_all()


@pytest.fixture(autouse=True)
def _new_process() -> None:
    """No test finds what an earlier one left in this process's memory."""
    process_state.reset_all()


@pytest.fixture(scope="module")
def committed_rows(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Rows that a module's fixtures make with this are committed: every test of the module finds
    them as they were made. They are gone after the module."""
    # Before the first test's own reset: a queue that this process remembers may be gone.
    process_state.reset_all()
    with django_db_blocker.unblock():
        yield
        cleaning.restore_rows()


@pytest.fixture
def component_env(transactional_db: None) -> dict[str, str]:
    """The environment for a component in a process of its own, working in the tests' database."""
    return {**os.environ, "TASKPLANE_TEST_DATABASE": str(connection.settings_dict["NAME"])}
