"""Ids, clock, SQL files, field paths, errors."""

from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest
from rest_framework.exceptions import ErrorDetail

from controlplane.core.clock import now, utc_z
from controlplane.core.errors import Conflict, Invalid, Unavailable
from controlplane.core.http.problems import flatten
from controlplane.core.ids import parse_uuid, uuid7
from controlplane.core.sql import load_sql


def test_ids_are_version_7_and_sort_by_time() -> None:
    ids = [uuid7() for _ in range(1_000)]
    assert {i.version for i in ids} == {7}
    assert ids == sorted(ids)
    assert len(set(ids)) == len(ids)
    assert isinstance(ids[0], UUID)


def test_an_id_has_one_form() -> None:
    made = uuid7()
    assert parse_uuid(str(made)) == made
    assert parse_uuid(str(made).upper()) == made
    # A full-width digit is a digit for int(), and no part of an id.
    full_width = str(made)[:-1] + "\uff11"
    for text in ("", "x", made.hex, f"{{{made}}}", f"urn:uuid:{made}", str(made)[:-1] + "g"):
        with pytest.raises(ValueError, match=r"not an id|badly formed|invalid literal"):
            parse_uuid(text)
    with pytest.raises(ValueError, match="not an id"):
        parse_uuid(full_width)


def test_times_are_utc_with_milliseconds() -> None:
    assert now().tzinfo is UTC
    moment = datetime(2026, 1, 31, 23, 59, 59, 123_999, tzinfo=timezone(timedelta(hours=2)))
    assert utc_z(moment) == "2026-01-31T21:59:59.123Z"


def test_sql_is_loaded_from_the_app() -> None:
    assert "UPDATE workspaces_apikey" in load_sql("controlplane.workspaces", "note_key_use")
    with pytest.raises(FileNotFoundError):
        load_sql("controlplane.workspaces", "no_such_statement")


def test_the_message_of_an_error_is_a_sentence() -> None:
    assert str(Conflict("It ended.")) == "It ended."
    assert str(Conflict()) == "Conflict."
    errors = [{"field": "a", "message": "No."}, {"field": "b", "message": "No."}]
    assert str(Invalid(errors=errors)) == "a: No. (and 1 more)"
    assert str(Invalid(errors=[{"field": "", "message": "No."}])) == "No."
    assert Unavailable().retry_after_seconds


def test_nested_errors_become_paths() -> None:
    detail = {
        "tasks": [{}, {}, {}, {"type": [ErrorDetail("Unknown.")]}],
        "tags": {2: [ErrorDetail("Too long.")]},
        "retry": {"baseMs": [ErrorDetail("Too small."), ErrorDetail("Odd.")]},
        "non_field_errors": [ErrorDetail("Not together.")],
    }
    assert flatten(detail) == [
        {"field": "tasks[3].type", "message": "Unknown."},
        {"field": "tags[2]", "message": "Too long."},
        {"field": "retry.baseMs", "message": "Too small."},
        {"field": "retry.baseMs", "message": "Odd."},
        {"field": "", "message": "Not together."},
    ]
    assert flatten(ErrorDetail("No.")) == [{"field": "", "message": "No."}]
    assert len(flatten([ErrorDetail("No.")] * 5_000)) == 1_000
