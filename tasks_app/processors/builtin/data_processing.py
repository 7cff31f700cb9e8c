"""The processor `data-processing`: filter, map, sort and aggregate a list of records."""

import json
import math
from collections.abc import Callable, Iterator
from typing import Any

from tasks_app.processors.builtin.record_spec import (
    Aggregate,
    Calculation,
    Condition,
    DataProcessingPayload,
    Filter,
    Limit,
    Map,
    Metric,
    Operand,
    Operation,
    Record,
    Sort,
    value_at,
)
from tasks_app.processors.context import Context
from tasks_app.processors.outcomes import Fail
from tasks_app.processors.registry import processor

# Steps that feed each other grow fast: fifty doublings of a string are a petabyte.
_MAX_TEXT = 100_000
_MAX_NUMBER = 1e300
_REPORT_EVERY = 1_000  # records between two looks at the progress


class Unprocessable(Fail):
    """The records do not fit the operations. The same records will not fit the next time."""


@processor(
    "data-processing",
    payload=DataProcessingPayload,
    category_of=lambda error: "VALIDATION" if isinstance(error, Unprocessable) else None,
)
def process(ctx: Context, payload: DataProcessingPayload) -> dict[str, Any]:
    """Apply filter, map, sort, aggregate and limit to records, and return the result."""
    given = records = payload.to_records()
    for index, operation in enumerate(payload.operations):
        ctx.progress(100 * index / len(payload.operations), operation.op)
        report = _reporter(ctx, index, len(payload.operations), len(records))
        try:
            records = _apply(operation, records, report)
        except Unprocessable as error:
            raise Unprocessable(f"operations.{index} ({operation.op}): {error.reason}") from error
    ctx.progress(100)
    return {"inputCount": len(given), "outputCount": len(records), "records": records}


Reporter = Callable[[list[Record]], Iterator[Record]]


def _reporter(ctx: Context, step: int, steps: int, count: int) -> Reporter:
    def each(records: list[Record]) -> Iterator[Record]:
        for done, record in enumerate(records):
            if done % _REPORT_EVERY == 0 and done:
                ctx.progress(100 * (step + done / count) / steps)
            yield record

    return each


def _apply(operation: Operation, records: list[Record], each: Reporter) -> list[Record]:
    match operation:
        case Filter():
            test = all if operation.match == "all" else any
            return [r for r in each(records) if test(_holds(c, r) for c in operation.where)]
        case Map():
            return [_mapped(operation, record) for record in each(records)]
        case Sort():
            return _sorted(operation, records)
        case Aggregate():
            return _aggregated(operation, each(records))
        case Limit():
            return records[operation.offset : operation.offset + operation.count]


def _holds(condition: Condition, record: Record) -> bool:
    found, wanted = value_at(record, condition.field), condition.value
    match condition.operator:
        case "eq":
            return _same(found, wanted)
        case "ne":
            return not _same(found, wanted)
        case "exists":
            return (found is not None) == wanted
        case "in":
            return isinstance(wanted, list) and any(_same(found, one) for one in wanted)
        case "contains":
            if isinstance(found, str):
                return isinstance(wanted, str) and wanted in found
            return isinstance(found, list) and any(_same(one, wanted) for one in found)
        case "startsWith":
            return isinstance(found, str) and isinstance(wanted, str) and found.startswith(wanted)
        case _:
            return _compares(condition.operator, found, wanted)


def _compares(operator: str, found: Any, wanted: Any) -> bool:
    # Unlike kinds have no order between them: no record fulfils such a condition.
    if _kind(found) != _kind(wanted) or _kind(found) not in (_NUMBER, _TEXT):
        return False
    if operator in ("lt", "le"):
        return bool(found < wanted or (operator == "le" and found == wanted))
    return bool(found > wanted or (operator == "ge" and found == wanted))


_NUMBER, _TEXT, _TRUTH, _OTHER, _NULL = range(5)


def _kind(value: Any) -> int:
    if value is None:
        return _NULL
    if isinstance(value, bool):
        return _TRUTH
    if isinstance(value, int | float):
        return _NUMBER
    return _TEXT if isinstance(value, str) else _OTHER


def _same(one: Any, other: Any) -> bool:
    return _kind(one) == _kind(other) and bool(one == other)  # in Python True == 1


def _mapped(operation: Map, record: Record) -> Record:
    made = dict(record)
    for name, calculation in operation.assign.items():
        made[name] = _calculated(calculation, record)
    if operation.keep is not None:
        made = {name: made[name] for name in operation.keep if name in made}
    return {name: value for name, value in made.items() if name not in operation.drop}


def _calculated(calculation: Calculation, record: Record) -> Any:
    values = [_operand(operand, record) for operand in calculation.of]
    match calculation.function:
        case "copy":
            return values[0]
        case "coalesce":
            return next((value for value in values if value is not None), None)
        case "length":
            return len(values[0]) if isinstance(values[0], str | list | dict) else None
        case "concat":
            return _text("".join("" if v is None else _as_text(v) for v in values))
        case "upper" | "lower" | "trim":
            return _changed_text(calculation.function, values[0])
        case _:
            return _calculated_number(calculation, values)


def _operand(operand: Operand, record: Record) -> Any:
    return operand.value if operand.field is None else value_at(record, operand.field)


def _changed_text(function: str, value: Any) -> str | None:
    if not isinstance(value, str):
        return None
    if function == "trim":
        return value.strip()
    return _text(value.upper() if function == "upper" else value.lower())


def _calculated_number(calculation: Calculation, values: list[Any]) -> int | float | None:
    # As in SQL: a calculation with an unknown value gives an unknown value.
    if any(value is None for value in values):
        return None
    for value in values:
        if _kind(value) != _NUMBER:
            raise Unprocessable(
                f"{calculation.function} works on numbers: not {_as_text(value)[:100]}."
            )
        _number(value)  # an integer too large for a float would break the arithmetic below
    result = values[0]
    if calculation.function == "round":
        return _number(round(result, calculation.digits or None))
    for value in values[1:]:
        match calculation.function:
            case "add":
                result = result + value
            case "subtract":
                result = result - value
            case "multiply":
                result = result * value
            case _:
                if value == 0:
                    return None
                result = result / value
        result = _number(result)
    return _number(result)


def _number(value: float) -> int | float:
    if not -_MAX_NUMBER < value < _MAX_NUMBER:  # also false for what is not a number
        raise Unprocessable("a number grew beyond 1e300.")
    return value


def _text(value: str) -> str:
    if len(value) > _MAX_TEXT:
        raise Unprocessable(f"a text grew beyond {_MAX_TEXT} characters.")
    return value


def _as_text(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text[: _MAX_TEXT + 1]


def _sorted(operation: Sort, records: list[Record]) -> list[Record]:
    ordered = list(records)
    # From the last key to the first: sorting is stable, so earlier keys win.
    for key in reversed(operation.by):
        known = [r for r in ordered if value_at(r, key.field) is not None]
        unknown = [r for r in ordered if value_at(r, key.field) is None]
        known.sort(key=lambda r, f=key.field: _rank(value_at(r, f)), reverse=key.descending)  # type: ignore[misc] # mypy cannot type a default in a lambda
        ordered = known + unknown
    return ordered


def _rank(value: Any) -> tuple[int, Any]:
    kind = _kind(value)
    return kind, json.dumps(value, sort_keys=True) if kind == _OTHER else value


def _aggregated(operation: Aggregate, records: Iterator[Record]) -> list[Record]:
    groups: dict[str, tuple[Record, list[Record]]] = {}
    for record in records:
        labels = {path: value_at(record, path) for path in operation.group_by}
        # As JSON, since 1 and true are one key of a dict, and a list is none.
        key = json.dumps(list(labels.values()), sort_keys=True)
        groups.setdefault(key, (labels, []))[1].append(record)
    if not groups and not operation.group_by:
        groups[""] = ({}, [])  # the figures of nothing are figures too
    return [
        {**labels, **{name: _figure(m, members) for name, m in operation.metrics.items()}}
        for labels, members in groups.values()
    ]


def _figure(metric: Metric, members: list[Record]) -> int | float | None:
    if metric.field is None:
        return len(members)
    values = [v for v in (value_at(r, metric.field) for r in members) if v is not None]
    if metric.function == "count":
        return len(values)
    if metric.function == "distinct":
        return len({json.dumps(value, sort_keys=True) for value in values})
    numbers: list[int | float] = [value for value in values if _kind(value) == _NUMBER]
    if metric.function == "sum":
        return _sum(numbers)
    if not numbers:
        return None
    if metric.function == "avg":
        return _number(_sum(numbers) / len(numbers))
    return min(numbers) if metric.function == "min" else max(numbers)


def _sum(numbers: list[int | float]) -> int | float:
    # fsum loses nothing between large and small addends; whole numbers stay whole.
    whole = all(isinstance(_number(number), int) for number in numbers)
    return _number(sum(numbers) if whole else math.fsum(numbers))
