"""The migration of rows to the plain names."""

import importlib
import json
from itertools import cycle
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.apps import apps
from django.db import connection

from scaling.decisions import replay_decisions
from scaling.models import ScalingEvent
from scaling.queries import get_configuration, get_pool
from tests.factories import make_scaling_event, set_pool

pytestmark = pytest.mark.django_db
RECORDS = Path(__file__).parents[2] / "unit" / "scaling" / "decisions_before_renaming.ndjson"
migration: Any = importlib.import_module("scaling.migrations.0003_plain_names")


def test_rows_of_before_have_the_new_names_and_replay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migration, "_CHUNK", 3)
    records = [json.loads(line) for line in RECORDS.open(encoding="utf-8")]
    states = cycle(["HELD", "REACHED", "MISSED", "ADVISED"])
    for record in records:
        make_scaling_event(next(states), rule=record["outcome"]["rule"], inputs=record)
    make_scaling_event("REACHED", trigger="person", rule="manual", inputs={"instead": records[0]})
    make_scaling_event("HELD", rule="hold", strategy="", inputs={})
    set_pool(
        overrides={"cooldown": 5.0, "objective": 30.0, "max_workers": 20},
        memory=records[0]["before"],
    )
    migration.upgrade_rows(apps, SimpleNamespace(connection=connection))
    assert set(ScalingEvent.objects.values_list("state", flat=True)) == {
        "UNCHANGED", "SUCCEEDED", "TIMED_OUT", "RECOMMENDED",
    }  # fmt: skip
    rules = set(ScalingEvent.objects.values_list("rule", flat=True))
    assert {"minimum", "no-change"} <= rules
    assert not {"floor", "hold"} & rules
    found = replay_decisions(make_scaling_event(ago=60).at)
    assert (found.same, found.different, found.differences) == (len(records) + 1, 0, [])
    configuration = get_configuration()
    assert (configuration.cooldown_seconds, configuration.objective_seconds) == (5.0, 30.0)
    assert configuration.max_workers == 20
    assert set(get_pool().memory) == {"recommendations", "raised_at", "lowered_at"}
