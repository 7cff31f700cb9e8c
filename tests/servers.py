"""The servers of the tests: an embedded Postgres and Valkey of their own, in `.taskplane/test`.

Loaded as an early pytest plugin (`-p tests.servers`), before the settings are read. Whatever
DATABASE_URL and REDIS_HOST name is never touched; TEST_DATABASE_URL replaces the embedded
Postgres, and the tests make and drop the database `test_<name>` on that server.
"""

import os
from collections.abc import Generator
from pathlib import Path

import pytest

from controlplane import embedded
from controlplane.embedded import home

SETTINGS = "controlplane.settings.test"


def start() -> None:
    """Start what is needed and put its addresses into the environment, for children too."""
    if os.environ.get("TASKPLANE_TEST_SERVERS"):
        return
    state = Path(os.environ.get("TASKPLANE_HOME") or home.PROJECT / ".taskplane") / "test"
    os.environ["TASKPLANE_HOME"] = str(state)
    os.environ["DJANGO_SETTINGS_MODULE"] = SETTINGS
    # The developer's own .env must not change what a test sees.
    dotenv, os.environ["TASKPLANE_DOTENV"] = os.environ.get("TASKPLANE_DOTENV"), os.devnull
    url = os.environ.get("TEST_DATABASE_URL") or _from_dotenv("TEST_DATABASE_URL", dotenv)
    os.environ["DATABASE_URL"] = url or embedded.ensure_postgres(state)
    host, port = embedded.ensure_valkey(state)
    os.environ.update(REDIS_HOST=host, REDIS_PORT=str(port), REDIS_PASSWORD="")
    os.environ["TASKPLANE_TEST_SERVERS"] = str(os.getpid())


def _from_dotenv(name: str, file: str | None) -> str:
    from dotenv import dotenv_values

    return dotenv_values(file or home.PROJECT / ".env").get(name) or ""


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests() -> Generator[None, None, None]:
    """Before pytest-django reads the settings."""
    try:
        start()
    except embedded.EmbeddedError as error:
        raise pytest.UsageError(str(error)) from error
    yield


def pytest_unconfigure() -> None:
    """Stop the servers in the process that started them (a worker of xdist only borrowed them)."""
    if os.environ.get("TASKPLANE_TEST_SERVERS") == str(os.getpid()):
        embedded.stop_all()
