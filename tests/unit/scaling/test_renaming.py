"""Decisions that were recorded under the names of 0.1 replay after the migration."""

import importlib
import json
from pathlib import Path
from typing import Any

import pytest

from scaling.states import EventState
from scaling.strategies import Constraint, Rule, find_difference

migration: Any = importlib.import_module("scaling.migrations.0003_plain_names")
RECORDS = [
    json.loads(line)
    for line in (Path(__file__).parent / "decisions_before_renaming.ndjson").open(encoding="utf-8")
]


@pytest.mark.parametrize("record", RECORDS, ids=range(len(RECORDS)))
def test_a_decision_of_before_replays_to_itself(record: dict[str, Any]) -> None:
    assert find_difference(record) != "", "its names are the old ones"
    assert find_difference(migration.upgrade_inputs(record)) == ""
    beside = migration.upgrade_inputs({"instead": record})
    assert find_difference(beside["instead"]) == ""


def test_the_records_hold_every_rule_and_every_constraint() -> None:
    outcomes = [migration.upgrade_decision(record)["outcome"] for record in RECORDS]
    assert {outcome["rule"] for outcome in outcomes} == set(Rule)
    assert {outcome["constraint"] for outcome in outcomes} == set(Constraint)
    assert any(record["demand"]["forecast"] for record in RECORDS)


def test_what_is_new_already_or_holds_little_stays_as_it_is() -> None:
    for record in RECORDS:
        new = migration.upgrade_inputs(record)
        assert migration.upgrade_inputs(new) == new
    for inputs in ({}, {"reason": "a sale"}, {"outcome": {}}):
        assert migration.upgrade_inputs(inputs) == inputs


def test_every_old_state_has_a_new_one() -> None:
    assert set(migration.STATES.values()) <= set(EventState.values)
    assert not set(migration.STATES) & set(EventState.values)
