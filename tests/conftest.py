"""Fixtures that every kind of test may use."""

import os
from pathlib import Path

import pytest
from django.db import connection
from django.test import TransactionTestCase
from pytest_django import DjangoDbBlocker

from controlplane.core import process_state
from tests import cleaning
from tests.marks import is_left_out, mark_by_folder


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    return is_left_out(collection_path, config.getoption("markexpr")) or None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Before `-m` chooses."""
    mark_by_folder(items)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> None:
    """The tests' database, which is cleaned quickly after tests that commit."""
    with django_db_blocker.unblock():
        cleaning.remember_rows()
    TransactionTestCase._fixture_teardown = lambda _: cleaning.restore_rows()  # type: ignore[attr-defined]


@pytest.fixture(autouse=True)
def _new_process() -> None:
    """No test finds what an earlier one left in this process's memory."""
    process_state.reset_all()


@pytest.fixture
def component_env(transactional_db: None) -> dict[str, str]:
    """The environment for a component in a process of its own, working in the tests' database."""
    return {**os.environ, "TASKPLANE_TEST_DATABASE": str(connection.settings_dict["NAME"])}
