"""Servers that a chaos test may kill: nobody else's."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connections

from controlplane.embedded import postgres, valkey
from controlplane.settings.parts.database import parse_database_url
from tasks_app.services.queues import forget_lanes
from tests.chaos.servers import PrivatePostgres, PrivateValkey
from tests.engine import Engine


@pytest.fixture
def private_valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateValkey]:
    """A Valkey of this test alone."""
    state: Path = tmp_path_factory.mktemp("valkey")
    state.chmod(0o755)
    server = PrivateValkey(state)
    server.start()
    try:
        yield server
    finally:
        server.thaw()
        valkey.stop(state)


@pytest.fixture
def chaos(
    component_env: dict[str, str], private_valkey: PrivateValkey, tmp_path: Path
) -> Iterator[Engine]:
    """An engine on the private Valkey, in the tests' database."""
    engine = Engine({**component_env, **private_valkey.env()}, tmp_path)
    yield engine
    engine.end()


@pytest.fixture
def private_postgres(
    transactional_db: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[PrivatePostgres]:
    """A migrated Postgres of this test alone; this process's connections lead to it."""
    state: Path = tmp_path_factory.mktemp("postgres")
    state.chmod(0o755)
    server = PrivatePostgres(state, postgres.start(state))
    before = {alias: dict(connections[alias].settings_dict) for alias in ("default", "engine")}
    address = parse_database_url(server.url)
    try:
        for alias, kept in before.items():
            connections[alias].close()
            options = {**kept["OPTIONS"], **address["OPTIONS"]}
            connections[alias].settings_dict.update(**{**address, "OPTIONS": options})
        call_command("migrate", verbosity=0)
        forget_lanes()
        yield server
    finally:
        for alias, kept in before.items():
            connections[alias].close()
            connections[alias].settings_dict.update(kept)
        forget_lanes()
        postgres.stop(state)


@pytest.fixture
def database_chaos(
    component_env: dict[str, str], private_postgres: PrivatePostgres, tmp_path: Path
) -> Iterator[Engine]:
    """An engine on the private Postgres."""
    env = {k: v for k, v in component_env.items() if k != "TASKPLANE_TEST_DATABASE"}
    engine = Engine({**env, "DATABASE_URL": private_postgres.url}, tmp_path)
    engine.env["TASKPLANE_LEASE_SECONDS"] = "4"
    yield engine
    engine.end()
