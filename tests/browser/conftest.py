"""A browser, and the real application to look at."""

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection, connections

from controlplane.ops.overview.recent import forget
from tests.browser.chromium import run_chromium
from tests.browser.visitors import Visitors
from tests.chaos.conftest import chaos, database_chaos, private_postgres, private_valkey
from tests.clients import default_workspace, staff_user
from tests.engine import Engine

__all__ = ["chaos", "database_chaos", "private_postgres", "private_valkey"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A browser for a module. As long as it runs, Playwright's event loop runs in the thread of the
    tests: Django takes what they do for async code, and other tests cannot run a loop."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        for chromium in run_chromium():
            # In a thread with an event loop Django has other connections than without one; other
            # modules may have ended those of an earlier browser.
            connections.close_all()
            yield chromium
            connections.close_all()


@pytest.fixture(scope="session")
def server(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of `manage.py serve`, HTTP and WebSockets, in the tests' database. In a process
    of its own, as it must be the first to import Twisted's reactor, which other tests import."""
    database = str(connection.settings_dict["NAME"])
    env = {**os.environ, "TASKPLANE_TEST_DATABASE": database}
    engine = Engine(env, tmp_path_factory.mktemp("app"))
    try:
        yield engine.app(TASKPLANE_PROCESSORS="tests.handlers")
    finally:
        engine.end()


@pytest.fixture
def visitors(browser: Any, server: str, transactional_db: None) -> Iterator[Visitors]:
    """People with a browser; at the end no page may have had a fault. What was wrong in an earlier
    test is forgotten: the overview would show it for a while."""
    forget(default_workspace().id)
    found = Visitors(browser, server)
    yield found
    found.close()
    found.guard.check()


@pytest.fixture
def page_of(visitors: Visitors) -> Callable[..., Any]:
    """`page_of("viewer")`: a new tab of somebody with that role in the default workspace;
    `page_of("superuser", "dark", 390)`: in that theme and width."""
    made: dict[str, Any] = {}

    def open_page(role: str, theme: str = "light", width: int = 1440) -> Any:
        if role not in made:
            made[role] = staff_user(role)
        return visitors.page(made[role], theme, width)

    return open_page
