"""The language of `data-processing`: data only, no code, every step bounded.

A path names a field, with dots into nested objects: `customer.country`. A missing field is null.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, JsonValue, model_validator

from tasks_app.processors.builtin.payloads import Payload

FieldPath = Annotated[str, Field(min_length=1, max_length=200)]
Record = dict[str, JsonValue]


class Condition(Payload):
    """A test of one field."""

    field: FieldPath
    operator: Literal[
        "eq", "ne", "lt", "le", "gt", "ge", "in", "contains", "startsWith", "exists"
    ] = Field(default="eq", alias="is")
    value: JsonValue = Field(
        default=None, description="For `in` a list; for `exists` true or false."
    )

    @model_validator(mode="after")
    def _has_a_fitting_value(self) -> Self:
        if self.operator == "in" and not isinstance(self.value, list):
            raise ValueError("the value of `in` must be a list")
        if self.operator == "exists" and not isinstance(self.value, bool):
            raise ValueError("the value of `exists` must be true or false")
        if self.operator == "startsWith" and not isinstance(self.value, str):
            raise ValueError("the value of `startsWith` must be a string")
        return self


class Operand(Payload):
    """An operand of a calculation: a field, or a constant."""

    field: FieldPath | None = None
    value: JsonValue = None

    @model_validator(mode="after")
    def _is_one_of_both(self) -> Self:
        if self.field is not None and "value" in self.model_fields_set:
            raise ValueError("give field or value, not both")
        if not self.model_fields_set:
            raise ValueError("give field or value")
        return self


class Calculation(Payload):
    """A new value from others. `copy`, `upper`, `lower`, `trim` and `length` take one operand,
    `round` one and `digits`; the rest take two or more."""

    function: Literal[
        "copy", "add", "subtract", "multiply", "divide", "round",
        "concat", "upper", "lower", "trim", "length", "coalesce",
    ]  # fmt: skip
    of: list[Operand] = Field(min_length=1, max_length=20)
    digits: int = Field(default=0, ge=0, le=15)

    @model_validator(mode="after")
    def _has_enough_operands(self) -> Self:
        needs_one = self.function in ("copy", "round", "upper", "lower", "trim", "length")
        if needs_one and len(self.of) != 1:
            raise ValueError(f"{self.function} takes one operand")
        if not needs_one and len(self.of) < 2:
            raise ValueError(f"{self.function} takes two operands or more")
        return self


class Filter(Payload):
    """Keep the records that match all (or any) of the conditions."""

    op: Literal["filter"]
    where: list[Condition] = Field(min_length=1, max_length=50)
    match: Literal["all", "any"] = "all"


class Map(Payload):
    """Set top-level fields by calculation, then keep only `keep` (when given), without `drop`."""

    op: Literal["map"]
    assign: dict[FieldPath, Calculation] = Field(default_factory=dict, alias="set", max_length=50)
    keep: list[FieldPath] | None = Field(default=None, max_length=200)
    drop: list[FieldPath] = Field(default_factory=list, max_length=200)


class SortKey(Payload):
    """One field to sort by."""

    field: FieldPath
    descending: bool = False


class Sort(Payload):
    """Order the records. Nulls come last, then other kinds: numbers, strings, the rest."""

    op: Literal["sort"]
    by: list[SortKey] = Field(min_length=1, max_length=20)


class Metric(Payload):
    """One figure of a group. Nulls and values that are no numbers count for `count` only."""

    function: Literal["count", "sum", "min", "max", "avg", "distinct"]
    field: FieldPath | None = None

    @model_validator(mode="after")
    def _names_a_field(self) -> Self:
        if self.field is None and self.function != "count":
            raise ValueError(f"{self.function} needs a field")
        return self


class Aggregate(Payload):
    """One record for each group, in the order in which the groups first appear."""

    op: Literal["aggregate"]
    group_by: list[FieldPath] = Field(default_factory=list, max_length=20)
    metrics: dict[FieldPath, Metric] = Field(min_length=1, max_length=50)


class Limit(Payload):
    """Keep the first `count` records after `offset`."""

    op: Literal["limit"]
    count: int = Field(ge=0, le=1_000_000)
    offset: int = Field(default=0, ge=0, le=1_000_000)


Operation = Annotated[Filter | Map | Sort | Aggregate | Limit, Field(discriminator="op")]


MAX_RECORDS = 100_000


class DataProcessingPayload(Payload):
    """Records, and the operations to apply in order. `data` may replace `records`."""

    records: list[Record] | None = Field(default=None, max_length=MAX_RECORDS)
    data: JsonValue = Field(
        default=None,
        description="Any value instead of records: an object is one record, a list has a record "
        'per item, and any other value becomes the record {"value": …}.',
    )
    operations: list[Operation] = Field(default_factory=list, max_length=50)

    @model_validator(mode="after")
    def _has_records_or_data(self) -> Self:
        if ("data" in self.model_fields_set) == (self.records is not None):
            raise ValueError("give records or data, one of the two")
        if isinstance(self.data, list) and len(self.data) > MAX_RECORDS:
            raise ValueError(f"data has more than {MAX_RECORDS} items")
        return self

    def to_records(self) -> list[Record]:
        """What goes in."""
        if self.records is not None:
            return self.records
        items = self.data if isinstance(self.data, list) else [self.data]
        return [item if isinstance(item, dict) else {"value": item} for item in items]


def value_at(record: Any, path: str) -> Any:
    """The value at a dotted path, or None."""
    found = record
    for name in path.split("."):
        if not isinstance(found, dict):
            return None
        found = found.get(name)
    return found
