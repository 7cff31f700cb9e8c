"""Records through filter, map, sort, aggregate and limit."""

import json
from typing import Any

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks_app.processors import registry
from tasks_app.processors.builtin.data_processing import Unprocessable
from tests.unit.processors.recording import RecordingContext

ORDERS = [
    {"id": 1, "country": "de", "amount": 10, "customer": {"name": "Ada"}},
    {"id": 2, "country": "fr", "amount": 2.5, "customer": {"name": "Bob"}},
    {"id": 3, "country": "de", "amount": 30, "customer": None},
    {"id": 4, "country": None, "amount": None},
]


def run(
    records: list[Any], *operations: dict[str, Any], context: RecordingContext | None = None
) -> list[dict[str, Any]]:
    found = registry.get("data-processing")
    payload = found.validate({"records": records, "operations": list(operations)})
    result = found.func(context or RecordingContext(), payload)
    json.dumps(result, allow_nan=False)
    assert result["inputCount"] == len(records)
    assert result["outputCount"] == len(result["records"])
    output: list[dict[str, Any]] = result["records"]
    return output


def ids(*operations: dict[str, Any]) -> list[Any]:
    return [record["id"] for record in run(ORDERS, *operations)]


def test_without_operations_records_pass_as_they_are() -> None:
    assert run(ORDERS) == ORDERS
    assert run([]) == []


@pytest.mark.parametrize(
    ("field", "operator", "value", "expected"),
    [
        ("country", "eq", "de", [1, 3]),
        ("country", "ne", "de", [2, 4]),
        ("country", "eq", None, [4]),
        ("amount", "lt", 10, [2]),
        ("amount", "le", 10, [1, 2]),
        ("amount", "gt", 2.5, [1, 3]),
        ("amount", "ge", 2.5, [1, 2, 3]),
        ("amount", "gt", "2", []),  # unlike kinds have no order
        ("id", "eq", True, []),  # true is not 1
        ("id", "in", [1, 4, "2"], [1, 4]),
        ("customer.name", "eq", "Ada", [1]),
        ("customer.name", "contains", "o", [2]),
        ("customer.name", "startsWith", "A", [1]),
        ("customer.name.first", "exists", True, []),
        ("customer", "exists", False, [3, 4]),
    ],
)
def test_filter(field: str, operator: str, value: Any, expected: list[int]) -> None:
    condition = {"field": field, "is": operator, "value": value}

    assert ids({"op": "filter", "where": [condition]}) == expected


def test_filter_by_any_or_all_conditions() -> None:
    where = [{"field": "country", "value": "de"}, {"field": "amount", "is": "gt", "value": 20}]

    assert ids({"op": "filter", "where": where}) == [3]
    assert ids({"op": "filter", "where": where, "match": "any"}) == [1, 3]


@pytest.mark.parametrize(
    ("function", "of", "expected"),
    [
        ("copy", [{"field": "customer.name"}], "Ada"),
        ("add", [{"field": "amount"}, {"value": 5}, {"field": "id"}], 16),
        ("subtract", [{"field": "amount"}, {"value": 0.5}], 9.5),
        ("multiply", [{"field": "amount"}, {"value": 3}], 30),
        ("divide", [{"field": "amount"}, {"value": 4}], 2.5),
        ("divide", [{"field": "amount"}, {"value": 0}], None),
        ("add", [{"field": "missing"}, {"value": 1}], None),
        (
            "concat",
            [{"field": "country"}, {"value": "-"}, {"field": "id"}, {"value": None}],
            "de-1",
        ),
        ("upper", [{"field": "country"}], "DE"),
        ("lower", [{"value": "ABC"}], "abc"),
        ("trim", [{"value": "  a "}], "a"),
        ("upper", [{"field": "id"}], None),
        ("length", [{"field": "customer.name"}], 3),
        ("coalesce", [{"field": "missing"}, {"value": None}, {"value": "x"}], "x"),
    ],
)
def test_map_calculates(function: str, of: list[dict[str, Any]], expected: Any) -> None:
    made = run(ORDERS[:1], {"op": "map", "set": {"made": {"function": function, "of": of}}})

    assert made[0]["made"] == expected
    assert made[0]["id"] == 1


def test_map_rounds_keeps_and_drops() -> None:
    rounded = {"function": "round", "of": [{"value": 2.345}], "digits": 1}
    operation = {"op": "map", "set": {"r": rounded}, "keep": ["id", "r", "country"]}

    assert run(ORDERS[:1], operation) == [{"id": 1, "r": 2.3, "country": "de"}]
    assert run(ORDERS[:1], {"op": "map", "drop": ["customer", "amount", "country"]}) == [{"id": 1}]


def test_sort_by_several_keys_nulls_last() -> None:
    by = [{"field": "country"}, {"field": "amount", "descending": True}]

    assert ids({"op": "sort", "by": by}) == [3, 1, 2, 4]
    assert ids({"op": "sort", "by": [{"field": "amount", "descending": True}]}) == [3, 1, 2, 4]


def test_sort_orders_unlike_kinds() -> None:
    values = [True, "b", None, {"x": 1}, 2, "a", [1], 1.5, False]
    ordered = run([{"v": v} for v in values], {"op": "sort", "by": [{"field": "v"}]})

    assert [r["v"] for r in ordered] == [1.5, 2, "a", "b", False, True, [1], {"x": 1}, None]


def test_aggregate_by_group() -> None:
    metrics = {
        "n": {"function": "count"},
        "known": {"function": "count", "field": "amount"},
        "total": {"function": "sum", "field": "amount"},
        "least": {"function": "min", "field": "amount"},
        "most": {"function": "max", "field": "amount"},
        "mean": {"function": "avg", "field": "amount"},
        "names": {"function": "distinct", "field": "customer.name"},
    }

    assert run(ORDERS, {"op": "aggregate", "groupBy": ["country"], "metrics": metrics}) == [
        {"country": "de", "n": 2, "known": 2, "total": 40, "least": 10, "most": 30, "mean": 20.0,
         "names": 1},
        {"country": "fr", "n": 1, "known": 1, "total": 2.5, "least": 2.5, "most": 2.5,
         "mean": 2.5, "names": 1},
        {"country": None, "n": 1, "known": 0, "total": 0, "least": None, "most": None,
         "mean": None, "names": 0},
    ]  # fmt: skip
    assert run([], {"op": "aggregate", "metrics": {"n": {"function": "count"}}}) == [{"n": 0}]


def test_groups_of_unlike_kinds_stay_apart() -> None:
    records = [{"k": 1}, {"k": True}, {"k": "1"}, {"k": [1]}, {"k": 1}]
    metrics = {"n": {"function": "count"}}

    groups = run(records, {"op": "aggregate", "groupBy": ["k"], "metrics": metrics})

    assert [group["n"] for group in groups] == [2, 1, 1, 1]


def test_limit_with_offset() -> None:
    assert ids({"op": "limit", "count": 2, "offset": 1}) == [2, 3]
    assert ids({"op": "limit", "count": 0}) == []


def test_progress_goes_up_to_the_end() -> None:
    context = RecordingContext()
    records = [{"n": n} for n in range(5_000)]
    keep_all = {"op": "filter", "where": [{"field": "n", "is": "exists", "value": True}]}

    run(records, keep_all, keep_all, context=context)

    assert context.percents == sorted(context.percents)
    assert len(context.percents) > 5
    assert context.percents[-1] == 100


@pytest.mark.parametrize(
    "step",
    [
        {"function": "concat", "of": [{"field": "x"}, {"field": "x"}]},
        {"function": "multiply", "of": [{"field": "y"}, {"field": "y"}]},
        {"function": "multiply", "of": [{"field": "z"}, {"field": "z"}]},
    ],
)
def test_steps_that_feed_each_other_cannot_grow_without_end(step: dict[str, Any]) -> None:
    name = step["of"][0]["field"]
    doubling = {"op": "map", "set": {name: step}}

    with pytest.raises(Unprocessable, match=r"operations\.\d+ \(map\): a (text|number) grew"):
        run([{"x": "ab", "y": 10, "z": 1.5}], *[doubling] * 50)


@pytest.mark.parametrize("function", ["add", "divide", "round"])
def test_a_number_too_large_for_arithmetic_is_refused(function: str) -> None:
    of = [{"value": 10**400}] + ([] if function == "round" else [{"value": 1.5}])

    with pytest.raises(Unprocessable, match="beyond 1e300"):
        run([{}], {"op": "map", "set": {"a": {"function": function, "of": of}}})


def test_calculating_with_text_names_the_step() -> None:
    step = {"function": "add", "of": [{"field": "country"}, {"value": 1}]}

    with pytest.raises(Unprocessable, match=r"operations\.0 \(map\): add works on numbers: not de"):
        run(ORDERS, {"op": "map", "set": {"a": step}})


@given(st.lists(st.integers(-(10**6), 10**6), max_size=30))
def test_a_sum_over_groups_is_the_sum_of_all(numbers: list[int]) -> None:
    records = [{"n": n, "odd": n % 2} for n in numbers]
    total = {"total": {"function": "sum", "field": "n"}}

    groups = run(records, {"op": "aggregate", "groupBy": ["odd"], "metrics": total})

    assert sum(group["total"] for group in groups) == sum(numbers)


@pytest.mark.parametrize(
    ("payload", "where"),
    [
        ({}, ()),
        ({"records": None}, ()),
        ({"records": [1]}, ("records", 0)),
        ({"records": [], "operations": [{"op": "eval"}]}, ("operations", 0)),
        ({"records": [], "operations": [{"op": "filter"}]}, ("operations", 0, "filter", "where")),
        ({"records": [], "operations": [{"op": "limit", "count": -1}]},
         ("operations", 0, "limit", "count")),
        ({"records": [], "operations": [{"op": "sort", "by": []}]},
         ("operations", 0, "sort", "by")),
        ({"records": [], "code": "x"}, ("code",)),
    ],
)  # fmt: skip
def test_a_wrong_payload_names_its_field(payload: dict[str, Any], where: tuple[Any, ...]) -> None:
    with pytest.raises(pydantic.ValidationError) as caught:
        registry.get("data-processing").validate(payload)

    assert caught.value.errors()[0]["loc"] == where


@pytest.mark.parametrize(
    ("operation", "message"),
    [
        ({"op": "filter", "where": [{"field": "a", "is": "in", "value": 1}]}, "must be a list"),
        ({"op": "filter", "where": [{"field": "a", "is": "exists"}]}, "must be true or false"),
        ({"op": "filter", "where": [{"field": "a", "is": "startsWith"}]}, "must be a string"),
        ({"op": "map", "set": {"a": {"function": "add", "of": [{"value": 1}]}}}, "two operands"),
        ({"op": "map", "set": {"a": {"function": "trim", "of": [{"value": 1}] * 2}}}, "one op"),
        ({"op": "map", "set": {"a": {"function": "copy", "of": [{}]}}}, "give field or value"),
        ({"op": "map", "set": {"a": {"function": "copy", "of": [{"field": "a", "value": 1}]}}},
         "not both"),
        ({"op": "aggregate", "metrics": {"a": {"function": "sum"}}}, "sum needs a field"),
    ],
)  # fmt: skip
def test_operations_that_make_no_sense_are_refused_at_submission(
    operation: dict[str, Any], message: str
) -> None:
    with pytest.raises(pydantic.ValidationError, match=message):
        registry.get("data-processing").validate({"records": [], "operations": [operation]})


@pytest.mark.parametrize(
    ("data", "records"),
    [
        ("example", [{"value": "example"}]),
        (7, [{"value": 7}]),
        (None, [{"value": None}]),
        ({"a": 1}, [{"a": 1}]),
        ([{"a": 1}, 2, "x"], [{"a": 1}, {"value": 2}, {"value": "x"}]),
        ([], []),
    ],
)
def test_any_data_becomes_records(data: Any, records: list[Any]) -> None:
    found = registry.get("data-processing")
    result = found.func(RecordingContext(), found.validate({"data": data}))
    assert result == {
        "inputCount": len(records),
        "outputCount": len(records),
        "records": records,
    }


def test_operations_work_on_data_too() -> None:
    found = registry.get("data-processing")
    total = {"op": "aggregate", "metrics": {"sum": {"function": "sum", "field": "value"}}}
    payload = found.validate({"data": [1, 2, 3], "operations": [total]})
    assert found.func(RecordingContext(), payload)["records"] == [{"sum": 6}]


@pytest.mark.parametrize("payload", [{}, {"data": 1, "records": []}, {"data": [0] * 100_001}])
def test_records_or_data_must_be_given(payload: dict[str, Any]) -> None:
    with pytest.raises(pydantic.ValidationError, match="data"):
        registry.get("data-processing").validate(payload)
