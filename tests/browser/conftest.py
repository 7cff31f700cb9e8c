"""A browser, and the real application to look at."""

from collections.abc import Callable, Iterator
from socket import socket
from threading import Thread
from typing import Any

import pytest
from django.db import connection
from pytest_django import DjangoDbBlocker

from tests.browser.chromium import run_chromium
from tests.browser.visitors import Visitors
from tests.clients import staff_user

_END_OTHERS = (
    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A browser for a module. As long as it runs, Playwright's event loop runs in the thread of the
    tests: Django takes what they do for async code, and other tests cannot run a loop."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        yield from run_chromium()


@pytest.fixture(scope="session")
def server(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    """The address of the application as `manage.py serve` runs it, HTTP and WebSockets, in the
    tests' database."""
    from controlplane.asgi import application
    from controlplane.core.http.server.uvicorn import listen, make_server

    listener: socket = listen("127.0.0.1", 0)
    running = make_server(application)
    thread = Thread(target=running.run, args=([listener],), name="app", daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    running.should_exit = True
    thread.join(10)
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        # The threads of the application keep their connections.
        cursor.execute(_END_OTHERS)


@pytest.fixture
def visitors(browser: Any, server: str, transactional_db: None) -> Iterator[Visitors]:
    """People with a browser; at the end no page may have had a fault."""
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
