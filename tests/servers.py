"""The servers of the tests: an embedded Postgres and Valkey of their own, in `.taskplane/test-N`.

Loaded as an early pytest plugin (`-p tests.servers`), before the settings are read. Whatever
DATABASE_URL and REDIS_HOST name is never touched; TEST_DATABASE_URL replaces the embedded
Postgres, and the tests make and drop the database `test_<name>` on that server.
"""

import atexit
import fcntl
import os
import shutil
import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import IO

import psycopg
import pytest
from dotenv import dotenv_values

from controlplane import embedded
from controlplane.embedded import home, processes

_SETTINGS = {
    "TASKPLANE_ENV": "dev",
    # The developer's own .env must not change what a test sees.
    "TASKPLANE_DOTENV": os.devnull,
    "DJANGO_SETTINGS_MODULE": "controlplane.settings.test",
}
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
    _end_leftovers(state)
    url = os.environ.get("TEST_DATABASE_URL") or dotenv_values(home.PROJECT / ".env").get(
        "TEST_DATABASE_URL"
    )
    # Not a hook of pytest: none is called after a mistake in a conftest.
    atexit.register(_stop, state, os.getpid())
    host, port = embedded.ensure_valkey(state)
    os.environ.update(
        {RUNNER: runner},
        **_SETTINGS,
        TASKPLANE_HOME=str(state),
        DATABASE_URL=url or _start_postgres(state),
        REDIS_HOST=host,
        REDIS_PORT=str(port),
        REDIS_PASSWORD="",
    )


def _end_leftovers(state: Path) -> None:
    """A run that was killed may have left components that still work in this folder's database."""
    for process in processes.marked("TASKPLANE_HOME", str(state)):
        processes.end(process, 0)


def _use_own_temporary_folder() -> None:
    """Each run has its own: a start of pytest takes the group's rights from the folder that runs
    share, and with them the right of the servers' user to pass through it."""
    folder = tempfile.mkdtemp(prefix="taskplane-")
    os.environ["PYTEST_DEBUG_TEMPROOT"] = folder
    atexit.register(_remove, folder, os.getpid())


def _remove(folder: str, owner: int) -> None:
    if os.getpid() == owner:
        shutil.rmtree(folder, ignore_errors=True)


def _start_postgres(state: Path) -> str:
    """The embedded Postgres, which waits for no disk: nobody needs the rows of a run later on."""
    try:
        url = embedded.ensure_postgres(state)
    except embedded.EmbeddedError:
        # The machine may have stopped while nothing was on disk yet.
        shutil.rmtree(state / "postgres", ignore_errors=True)
        (state / "postgres.json").unlink(missing_ok=True)
        url = embedded.ensure_postgres(state)
    with psycopg.connect(url, autocommit=True) as connection:
        for name in ("fsync", "full_page_writes", "synchronous_commit"):
            connection.execute(f"ALTER SYSTEM SET {name} = off")
        connection.execute("SELECT pg_reload_conf()")
    return url


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
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None, None, None]:
    """Before pytest-django reads the settings."""
    only_distributes = bool(getattr(early_config.known_args_namespace, "numprocesses", None))
    try:
        if "PYTEST_XDIST_WORKER" not in os.environ:
            _use_own_temporary_folder()
        if only_distributes and "PYTEST_XDIST_WORKER" not in os.environ:
            os.environ.update(_SETTINGS)
        else:
            start()
    except embedded.EmbeddedError as error:
        raise pytest.UsageError(str(error)) from error
    yield


def _stop(state: Path, owner: int) -> None:
    # A child that a test forked only borrowed the servers.
    if os.getpid() == owner:
        embedded.stop_all(state)
