"""What a handler may return: kept as it is, or refused with its place."""

import math
from typing import Any
from uuid import uuid4

import orjson
import pytest
from hypothesis import given

from tasks_app.endings import ResultNotJson, succeeded
from tasks_app.rows import ClaimedRow
from tests.jsonvalues import is_same, json_values

CLAIM = ClaimedRow(
    id=uuid4(), lease=uuid4(), queue_id=1, workspace_id=uuid4(), type="noop", name="noop",
    payload="{}", attempt=1, max_attempts=1, round_attempts=1, lost_count=0, timeout_ms=1_000,
    retry=None, priority=0, idempotency_key=None, wait_ms=0,
)  # fmt: skip

REFUSED = {
    "2^63": ([2**63], "result[0]: An integer must fit in 64 bits"),
    "10^30": ({"a": 10**30}, "result.a: An integer must fit in 64 bits"),
    "NaN": ([math.nan], "result[0]: A number must be finite"),
    "infinity": ({"a": [-math.inf]}, "result.a[0]: A number must be finite"),
    "NUL": ({"a": "\0"}, "result.a: The character U+0000 cannot be stored"),
    "a lone surrogate": (["\ud800"], "result[0]: A lone surrogate"),
    "a key that is no text": ({1: 2}, "result: A key must be a string, not int"),
    "too many digits": ([1e300] * 2_000, "Floats count with all their digits"),
}


@pytest.mark.parametrize(("result", "reason"), REFUSED.values(), ids=REFUSED.keys())
def test_a_result_that_cannot_be_kept_is_an_error_of_its_handler(result: Any, reason: str) -> None:
    with pytest.raises(ResultNotJson) as refused:
        succeeded(CLAIM, result, run_ms=1)
    assert reason in str(refused.value)


@given(json_values())
def test_every_other_result_is_kept(result: Any) -> None:
    written = orjson.dumps(succeeded(CLAIM, result, run_ms=1).result)
    assert is_same(orjson.loads(written), result)
