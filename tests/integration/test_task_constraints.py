"""The CHECK constraints of tasks refuse what docs/database.md says, and nothing else."""

import json
from collections.abc import Callable
from itertools import product
from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction

from tasks_app.models import Task
from tasks_app.services import submit_task
from tasks_app.specs import TaskSpec
from tasks_app.states import FINAL, TaskState

pytestmark = pytest.mark.django_db

_ROW = dict[str, Any]
_LEASE, _TIME = str(uuid4()), "2026-01-31T12:00:00Z"
_WAITS_FOR_TIME = (TaskState.SCHEDULED, TaskState.RETRYING)


def _values_are_in_range(row: _ROW) -> bool:
    progress = float(row["progress"])
    return -100 <= row["priority"] <= 100 and 0 <= progress <= 100 and row["timeout_ms"] > 0


RULES: dict[str, Callable[[_ROW], bool]] = {
    "task_lease_iff_running": lambda row: (
        (row["lease"] is not None) == (row["node_id"] is not None) == (row["state"] == "RUNNING")
    ),
    "task_finished_at_iff_final": lambda row: (
        (row["finished_at"] is not None) == (row["state"] in FINAL)
    ),
    "task_run_at_when_due_later": lambda row: (
        row["run_at"] is not None or row["state"] not in _WAITS_FOR_TIME
    ),
    "task_blocked_by_parents": lambda row: (
        row["blocked_by"] >= 0 and (row["state"] != "BLOCKED" or row["blocked_by"] > 0)
    ),
    "task_attempts_bounded": lambda row: (
        0 <= row["attempt"] <= row["max_attempts"] and row["max_attempts"] > 0
    ),
    "task_has_attempts_left": lambda row: (
        row["state"] not in ("PENDING", *_WAITS_FOR_TIME) or row["attempt"] < row["max_attempts"]
    ),
    "task_values_in_range": _values_are_in_range,
}


def conditions() -> dict[str, str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conname, pg_get_expr(conbin, conrelid) FROM pg_constraint"
            " WHERE conrelid = 'tasks_app_task'::regclass AND contype = 'c' AND convalidated"
        )
        return dict(cursor.fetchall())


def are_allowed(rows: list[_ROW]) -> list[bool]:
    """Whether all constraints together take each of these rows."""
    # As a CHECK: what is neither true nor false passes.
    wanted = " AND ".join(f"coalesce({condition}, true)" for condition in conditions().values())
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {wanted} FROM json_populate_recordset(NULL::tasks_app_task, %s)"
            " WITH ORDINALITY ORDER BY ordinality",
            [json.dumps(rows)],
        )
        return [allowed for (allowed,) in cursor.fetchall()]


def expected(rows: list[_ROW]) -> list[bool]:
    return [all(rule(row) for rule in RULES.values()) for row in rows]


def test_every_constraint_is_there_and_validated() -> None:
    assert set(conditions()) == set(RULES)


def test_states_and_columns_that_do_not_fit_are_refused() -> None:
    columns = {
        "state": TaskState.values,
        "lease": (None, _LEASE),
        "node_id": (None, 1),
        "finished_at": (None, _TIME),
        "run_at": (None, _TIME),
        "blocked_by": (-1, 0, 1),
    }
    attempts = ((-1, 3), (0, 0), (0, 3), (2, 3), (3, 3), (4, 3), (0, -1))
    fine = {"priority": 0, "progress": 0, "timeout_ms": 1}
    rows = [
        {**dict(zip(columns, values, strict=True)), "attempt": n, "max_attempts": most, **fine}
        for values in product(*columns.values())
        for n, most in attempts
    ]
    found = are_allowed(rows)
    assert found == expected(rows)
    assert any(found)


def test_values_out_of_range_are_refused() -> None:
    numbers = {
        "priority": (-32768, -101, -100, 0, 100, 101, 32767),
        "progress": (-0.1, 0, 50, 100, 100.1, "NaN", "Infinity", "-Infinity"),
        "timeout_ms": (-1, 0, 1, 2**31 - 1),
    }
    fine = {
        "state": "PENDING", "lease": None, "node_id": None, "finished_at": None, "run_at": None,
        "blocked_by": 0, "attempt": 0, "max_attempts": 1,
    }  # fmt: skip
    rows = [
        {**fine, **dict(zip(numbers, values, strict=True))} for values in product(*numbers.values())
    ]
    found = are_allowed(rows)
    assert found == expected(rows)
    assert any(found)


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("task_lease_iff_running", {"lease": _LEASE, "node_id": 1}),
        ("task_lease_iff_running", {"state": "RUNNING"}),
        ("task_finished_at_iff_final", {"finished_at": _TIME}),
        ("task_finished_at_iff_final", {"state": "FAILED"}),
        ("task_run_at_when_due_later", {"state": "SCHEDULED", "run_at": None}),
        ("task_blocked_by_parents", {"state": "BLOCKED"}),
        ("task_blocked_by_parents", {"blocked_by": -1}),
        ("task_attempts_bounded", {"max_attempts": 0}),
        ("task_has_attempts_left", {"attempt": 1, "max_attempts": 1}),
        ("task_values_in_range", {"priority": 101}),
        ("task_values_in_range", {"timeout_ms": 0}),
    ],
)
def test_a_refusal_names_its_constraint(name: str, changes: _ROW) -> None:
    task = submit_task(spec=TaskSpec(type="noop"))
    with pytest.raises(IntegrityError, match=name), transaction.atomic():
        Task.objects.filter(id=task).update(**changes)
