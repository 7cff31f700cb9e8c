"""Rehearsed upgrades: releases that have no migration between them."""

from io import StringIO
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.core.management import call_command

from scripts.upgrade.rehearse import Plan, Rehearsal
from scripts.upgrade.releases import ROOT, Release


@pytest.mark.django_db(transaction=True)
def test_without_a_migration_nothing_waits_for_one(tmp_path: Path) -> None:
    planned, printed = StringIO(), StringIO()
    call_command("migrate", plan=True, stdout=planned)
    rehearsal = Rehearsal(
        Release("old", ROOT),
        Release("new", ROOT),
        addresses={"DATABASE_URL": "", "REDIS_HOST": "", "REDIS_PORT": ""},
        folder=tmp_path,
        plan=Plan(),
        output=printed,
    )
    found = SimpleNamespace(stdout=planned.getvalue())
    # It can start no component.
    rehearsal.fleet = SimpleNamespace(manage=lambda *_: found)  # type: ignore[assignment]
    rehearsal._try_new_on_old_schema()
    assert "nothing to wait for" in printed.getvalue()
