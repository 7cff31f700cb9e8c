"""The servers of the tests: an embedded Postgres and Valkey of their own, in `.taskplane/test-N`.

Loaded as an early pytest plugin (`-p tests.servers`), before the settings are read. Whatever
DATABASE_URL and REDIS_HOST name is never touched; TEST_DATABASE_URL replaces the embedded
Postgres, and the tests make and drop the database `test_<name>` on that server.
"""

import atexit
import fcntl
import os
from collections.abc import Generator
from pathlib import Path
from typing import IO

import pytest
from dotenv import dotenv_values

from controlplane import embedded
from controlplane.embedded import home

SETTINGS = "controlplane.settings.test"
RUNNER = "TASKPLANE_TEST_RUNNER"
RUNS_AT_ONCE = 20

# Kept open for as long as this run lasts: the lock ends with the process, however it ends.
_slot: IO[str] | None = None


def start() -> None:
    """Start what is needed and put its addresses into the environment, for children too.

    Each worker of pytest-xdist has servers of its own: a wake-up of one must not reach
    another's tests.
    """
    runner = os.environ.get("PYTEST_XDIST_WORKER", "main")
    if os.environ.get(RUNNER) == runner:
        return
    state = _take_slot(home.ensure_folder(home.home()))
    url = os.environ.get("TEST_DATABASE_URL") or dotenv_values(home.PROJECT / ".env").get(
        "TEST_DATABASE_URL"
    )
    # Not a hook of pytest: none is called after a mistake in a conftest.
    atexit.register(_stop, state, os.getpid())
    host, port = embedded.ensure_valkey(state)
    os.environ.update(
        {RUNNER: runner},
        TASKPLANE_HOME=str(state),
        TASKPLANE_ENV="dev",
        # The developer's own .env must not change what a test sees.
        TASKPLANE_DOTENV=os.devnull,
        DJANGO_SETTINGS_MODULE=SETTINGS,
        DATABASE_URL=url or embedded.ensure_postgres(state),
        REDIS_HOST=host,
        REDIS_PORT=str(port),
        REDIS_PASSWORD="",
    )


def _take_slot(folder: Path) -> Path:
    """A folder that no other run of the tests uses now, so that runs never share a server."""
    global _slot
    for number in range(1, RUNS_AT_ONCE + 1):
        state = home.ensure_folder(folder / f"test-{number}")
        file = (state / "slot").open("w")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            continue
        _slot = file
        return state
    raise embedded.EmbeddedError(f"{RUNS_AT_ONCE} runs of the tests are under way: wait for one.")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests() -> Generator[None, None, None]:
    """Before pytest-django reads the settings."""
    try:
        start()
    except embedded.EmbeddedError as error:
        raise pytest.UsageError(str(error)) from error
    yield


def _stop(state: Path, owner: int) -> None:
    # A child that a test forked only borrowed the servers.
    if os.getpid() == owner:
        embedded.stop_all(state)
