"""Standing engines of the tests: a start that fails."""

import os
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from controlplane.embedded import valkey
from tests.engine import Component, Engine
from tests.standing import StandingEngine


@pytest.mark.django_db(transaction=True)
def test_a_failed_start_ends_its_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[Component] = []
    start = Engine._start

    def remember(self: Engine, *arguments: Any) -> Component:
        started.append(start(self, *arguments))
        return started[-1]

    def fail(self: Engine, **_: Any) -> Component:
        raise AssertionError("no worker")

    monkeypatch.setattr(Engine, "_start", remember)
    monkeypatch.setattr(Engine, "worker", fail)
    tmp_path.chmod(0o755)
    name = f"{connection.settings_dict['NAME']}_77"
    with pytest.raises(AssertionError, match="no worker"):
        StandingEngine(dict(os.environ), tmp_path, concurrency=77)
    (dispatcher,) = started
    assert dispatcher.process.poll() is not None
    assert valkey.pid(tmp_path) is None
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_database WHERE datname = %s", [name])
        assert cursor.fetchone()[0] == 0
