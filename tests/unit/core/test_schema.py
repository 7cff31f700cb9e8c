"""Schemas: what is refused and how it is named, what is shown and to whom."""

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Annotated, Any, ClassVar
from uuid import UUID

import pytest

from controlplane.core.errors import FieldError, Invalid
from controlplane.core.schema import (
    Request,
    Resource,
    field_names,
    itself,
    represent,
    represent_row,
    shown,
)
from controlplane.core.schema.fields import (
    Flag,
    JsonObject,
    Moment,
    Names,
    Number,
    OneOf,
    Text,
    Whole,
)
from controlplane.core.schema.shown import deferred_columns
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.states import Role


class Item(Request):
    type: Annotated[str, Text(10)]
    size: Annotated[int, Whole(1, 9)] = 1


class Order(Request):
    item: Item | None = None
    items: list[Item] = []
    at: Moment | None = None
    weight: Annotated[float, Number(0, 5)] = 0
    tags: Annotated[list[str], Names(5, 2)] = []
    kind: Annotated[str, OneOf(("fast", "slow"))] = "fast"
    is_paid: Flag = False
    more: JsonObject = {}

    def cross_check(self) -> Iterable[FieldError]:
        if self.is_paid and self.kind == "slow":
            yield {"field": "isPaid", "message": "Slow orders are paid later."}

    @classmethod
    def further_problems(cls, body: Any, wrong: Any) -> Iterable[FieldError]:
        if isinstance(body, dict) and body.get("more") == {"bad": 1}:
            yield {"field": "more.bad", "message": "Bad."}


class Forgiving(Request):
    null_is_absent: ClassVar[bool] = True

    size: Annotated[int, Whole(1, 9)] = 1


def errors_of(body: Any, schema: type[Request] = Order, **options: Any) -> list[tuple[str, str]]:
    try:
        schema.read(body, **options)
    except Invalid as error:
        return [(each["field"], each["message"]) for each in error.errors]
    return []


class TestRequest:
    """What a client sends."""

    def test_names_are_in_camel_case_and_values_as_they_are(self) -> None:
        order = Order.read({"isPaid": True, "weight": 2, "at": "2030-01-31T08:00:00+02:00"})
        assert order.is_paid is True
        assert type(order.weight) is int
        assert order.at == datetime(2030, 1, 31, 6, tzinfo=UTC)
        assert errors_of({"is_paid": True}) == [("is_paid", "Unknown field.")]

    @pytest.mark.parametrize(
        ("body", "wrong"),
        [
            ([], ("", "This must be an object.")),
            (None, ("", "This must be an object.")),
            ({"item": {}}, ("item.type", "This field is required.")),
            ({"item": {"type": 5}}, ("item.type", "1 to 10 characters,")),
            ({"item": {"type": "a\0"}}, ("item.type", "1 to 10 characters,")),
            ({"item": {"type": "\ud800"}}, ("item.type", "1 to 10 characters,")),
            ({"items": [{"type": "a"}, {"type": "a", "size": 10}]}, ("items[1].size", "A whole")),
            ({"items": [{"type": "a", "size": True}]}, ("items[0].size", "A whole")),
            ({"items": {}}, ("items", "This must be a list.")),
            ({"weight": "1"}, ("weight", "A number from 0 to 5.")),
            ({"weight": float("nan")}, ("weight", "A number from 0 to 5.")),
            ({"tags": ["a", "b", "c"]}, ("tags", "At most 2 tags")),
            ({"tags": ["a\u200b"]}, ("tags", "Tag 1: ")),
            ({"kind": "odd"}, ("kind", "One of fast, slow.")),
            ({"isPaid": 1}, ("isPaid", "This must be true or false.")),
            ({"more": []}, ("more", "This must be an object.")),
            ({"at": "2030-01-31T08:00:00"}, ("at", "A time with its zone")),
            ({"isPaid": True, "kind": "slow"}, ("isPaid", "Slow orders")),
        ],
    )
    def test_what_is_wrong_is_named(self, body: Any, wrong: tuple[str, str]) -> None:
        ((field, message),) = errors_of(body)
        assert field == wrong[0]
        assert message.startswith(wrong[1])

    def test_an_unknown_field_hides_nothing(self) -> None:
        body = {"isPaid": True, "kind": "slow", "x": 1, "items": [{"type": "a", "y": 2}]}
        assert [field for field, _ in errors_of(body)] == ["isPaid", "items[0].y", "x"]
        assert {field for field, _ in errors_of({"more": {"bad": 1}, "x": 1})} == {"more.bad", "x"}

    def test_the_check_of_a_service_is_asked_when_only_unknown_fields_are_wrong(self) -> None:
        def refuse(order: Order) -> None:
            raise Invalid(errors=[{"field": "kind", "message": f"Not {order.kind}."}])

        assert errors_of({"x": 1}, check=refuse) == [("x", "Unknown field.")]
        assert errors_of({"kind": "slow", "x": 1}, check=refuse) == [
            ("kind", "Not slow."),
            ("x", "Unknown field."),
        ]
        assert errors_of({"kind": "odd", "x": 1}, check=refuse)[0] == ("kind", "One of fast, slow.")
        assert errors_of({"kind": "slow"}, check=refuse) == []  # the service itself refuses it

    def test_null_is_absent_where_the_schema_says_so(self) -> None:
        assert Forgiving.read({"size": None}).size == 1
        assert [field for field, _ in errors_of({"weight": None})] == ["weight"]

    def test_many_unknown_fields_are_one_error(self) -> None:
        body = {f"field {number}": 1 for number in range(1_000)}
        assert errors_of(body) == [("", "1000 fields exceed the limit.")]
        assert errors_of({"items": [body]})[0] == ("items[0]", "1000 fields exceed the limit.")

    def test_a_long_name_is_shortened(self) -> None:
        ((field, _),) = errors_of({"n" * 5_000: 1})
        assert len(field) == 100


class Part(Resource):
    count: int = shown(source="amount")


class Thing(Resource):
    id: UUID
    name: str = shown(source="owner.name")
    made_at: datetime | None
    share: float = shown(role="admin")
    payload: dict[str, Any] = shown(guard="payload", defer="payload", in_export=False)
    error: dict[str, Any] | None = shown(guard="error", in_list=True)
    parts: list[Part] = []
    by_name: dict[str, Part] = shown(compute=lambda thing: {p.tag: p for p in thing.parts})
    part: Part = shown(compute=itself)
    secret_count: int = shown(compute=lambda thing: 1, in_list=False)


@dataclass
class Row:
    amount: int
    tag: str


ID = UUID("018f6f2e-0000-7000-8000-000000000000")
THING = SimpleNamespace(
    id=ID,
    owner=SimpleNamespace(name="Ann"),
    made_at=datetime(2030, 1, 31, 8, tzinfo=UTC),
    share=1,
    payload={"a": 1},
    error={"class": "E", "message": "m" * 300, "traceback": "t"},
    parts=[Row(2, "two"), Row(3, "three")],
    amount=7,
)


def actor(role: Role | None) -> Actor:
    return Actor(kind="key", id="", label="", role=role)


class TestRepresent:
    """The door."""

    def test_every_field_becomes_json(self) -> None:
        found = represent(Thing, THING, None)
        assert found == {
            "id": str(ID),
            "name": "Ann",
            "madeAt": "2030-01-31T08:00:00.000Z",
            "share": 1.0,
            "payload": {"a": 1},
            "error": THING.error,
            "parts": [{"count": 2}, {"count": 3}],
            "byName": {"two": {"count": 2}, "three": {"count": 3}},
            "part": {"count": 7},
            "secretCount": 1,
        }
        assert type(found["share"]) is float

    def test_some_fields_and_mappings(self) -> None:
        assert represent(Part, {"amount": 4}, None) == {"count": 4}
        assert represent(Thing, THING, None, fields=("name", "id")) == {
            "name": "Ann",
            "id": str(ID),
        }

    def test_a_role_sees_what_it_may(self) -> None:
        for role, share in [(Role.ADMIN, 1.0), (Role.OPERATOR, None), (None, None)]:
            assert represent(Thing, THING, actor(role))["share"] == share
        assert represent(Thing, THING, None)["share"] == 1.0

    def test_a_row_of_a_list_is_short(self) -> None:
        row = represent_row(Thing, THING, None)
        assert row["error"] == {"class": "E", "message": "m" * 199 + "…"}
        assert "secretCount" not in row
        assert represent_row(Thing, THING, None, fields=("name",)) == {"name": "Ann"}

    def test_what_users_wrote_passes_one_function(self, monkeypatch: pytest.MonkeyPatch) -> None:
        seen: list[tuple[str, Any, Any]] = []

        def mask(kind: str, value: Any, who: Any) -> str:
            seen.append((kind, value, who))
            return "***"

        monkeypatch.setattr(sys.modules[represent.__module__], "represent_value", mask)
        viewer = actor(Role.VIEWER)
        found = represent(Thing, THING, viewer)
        assert (found["payload"], found["error"]) == ("***", "***")
        assert seen == [("payload", {"a": 1}, viewer), ("error", THING.error, viewer)]

    def test_places(self) -> None:
        assert "secretCount" not in field_names(Thing, "list")
        assert "payload" not in field_names(Thing, "export")
        assert deferred_columns(Thing, ("id",)) == ("payload",)
        assert deferred_columns(Thing, None) == ()
