"""This release and the next one together, under load, in both directions: docs/upgrades.md.

The next release is this one with migrations of its own (tests/next_release), since a clone need not
have history. `scripts/rehearse-upgrade` does the same with two real revisions.
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from django.db import connection

from controlplane.embedded import valkey
from controlplane.workspaces.actors import SYSTEM
from controlplane.workspaces.services import create_api_key, ensure_default_workspace
from scripts.upgrade.rehearse import Plan, Rehearsal
from scripts.upgrade.releases import ROOT, Release
from tests.standing import copy_database

pytestmark = pytest.mark.django_db(transaction=True)

PLAN = Plan(seconds=1.5, per_second=12, workers=1, reader_seconds=1.5)
NEXT = {"DJANGO_SETTINGS_MODULE": "tests.next_release.settings"}


@pytest.fixture
def key() -> str:
    """An API key, which is in the database that is copied."""
    workspace = ensure_default_workspace()
    return create_api_key(workspace=workspace, name="x", role="admin", actor=SYSTEM).secret


@pytest.fixture
def addresses(key: str, tmp_path: Path) -> Iterator[dict[str, str]]:
    """A database with the schema of this release, and a Valkey."""
    name = f"{connection.settings_dict['NAME']}_upgrade"
    copy_database(name)
    host, port = valkey.start(tmp_path)
    url = urlunsplit(urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}"))
    yield {"DATABASE_URL": url, "REDIS_HOST": host, "REDIS_PORT": str(port)}
    valkey.stop(tmp_path)
    with connection._nodb_cursor() as cursor:
        cursor.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def test_an_upgrade_and_the_way_back_lose_nothing(
    addresses: dict[str, str], key: str, tmp_path: Path
) -> None:
    tmp_path.chmod(0o755)
    rehearsal = Rehearsal(
        Release("this", ROOT),
        Release("next", ROOT, NEXT),
        addresses=addresses,
        folder=tmp_path,
        plan=PLAN,
        output=sys.stdout,
        key=key,
    )
    try:
        result = rehearsal.run()
    finally:
        rehearsal.fleet.end()
    print(result.figures)
    assert result.faults == []
    assert int(result.figures["acknowledged"]) > 100
    assert rehearsal.had_to_wait, "the migration did not meet the reader"
    with psycopg.connect(addresses["DATABASE_URL"]) as database:
        marked = database.execute("SELECT count(*) FROM next_release_mark").fetchone()
    assert marked is not None
    assert marked[0] > 50, "tasks of both releases are marked by the new schema's trigger"
