"""Filters, declared once and read in three ways."""

from argparse import ArgumentParser
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from django.http import QueryDict

from controlplane.core.errors import Invalid
from controlplane.core.http.openapi import filter_parameters
from controlplane.core.schema.filters import (
    add_options,
    condition,
    read_body,
    read_options,
    read_query,
)
from controlplane.core.schema.values import (
    Choices,
    Flag,
    Ids,
    Moment,
    Search,
    Tags,
    Texts,
    WholeNumber,
)

ID = UUID("018f6f2e-0000-7000-8000-000000000000")


@dataclass(frozen=True, slots=True)
class Wanted:
    ids: tuple[UUID, ...] = condition("id", Ids(), "Ids.")
    states: tuple[str, ...] = condition("state", Choices(choices=("OPEN", "SHUT")), "States.")
    tags: tuple[str, ...] = condition("tag", Tags())
    names: tuple[str, ...] = condition("name", Texts(limit=3))
    search: str = condition("search", Search())
    made_after: datetime | None = condition("madeAfter", Moment())
    least: int | None = condition("least", WholeNumber(-5, 5))
    is_all: bool = condition("all", Flag())


EVERYTHING = Wanted(
    ids=(ID,),
    states=("OPEN", "SHUT"),
    tags=("red, green", "blue"),
    names=("a", "b"),
    search="x, y",
    made_after=datetime(2030, 1, 31, 8, tzinfo=UTC),
    least=-3,
    is_all=True,
)


def test_a_query_a_body_and_options_say_the_same() -> None:
    query = QueryDict(
        f"id={ID}&state=open&state=shut&tag=%22red,%20green%22,blue&name=a,b&search=x,%20y"
        "&madeAfter=2030-01-31T08:00:00Z&least=-3&all=true&format=json&page=2"
    )
    assert read_query(Wanted, query, ignore=["page"]) == EVERYTHING
    body = {
        "id": str(ID),
        "state": ["open", "SHUT"],
        "tag": ["red, green", "blue"],
        "name": ["a", "b"],
        "search": "x, y",
        "madeAfter": "2030-01-31T08:00:00Z",
        "least": -3,
        "all": True,
    }
    assert read_body(Wanted, body) == EVERYTHING
    parser = ArgumentParser()
    add_options(parser, Wanted)
    given = [
        *("--id", str(ID), "--state", "open,shut", "--tag", '"red, green",blue', "--name", "a,b"),
        *("--search", "x, y", "--made-after", "2030-01-31T08:00:00Z", "--least=-3", "--all"),
    ]
    assert read_options(Wanted, vars(parser.parse_args(given))) == EVERYTHING
    assert read_options(Wanted, vars(parser.parse_args([]))) == Wanted()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"id": "x"}, "An id, such as"),
        ({"id": []}, "From 1 to 200 values."),
        ({"state": "odd"}, "One of OPEN, SHUT."),
        ({"name": ["a", "b", "c", "d"]}, "From 1 to 3 values."),
        ({"name": 5}, "A text of at most"),
        ({"name": "a\0"}, "A text of at most"),
        ({"search": ["a", "b"]}, "A text of at most"),
        ({"madeAfter": "soon"}, "A time with its zone"),
        ({"least": 6}, "A whole number from -5 to 5."),
        ({"least": True}, "A whole number from -5 to 5."),
        ({"least": [1, 2]}, "A whole number from -5 to 5."),
        ({"all": "maybe"}, "This must be true or false."),
        ({"odd": 1}, "Unknown; known are id, state, tag, name, search, madeAfter, least, all."),
    ],
)
def test_what_is_wrong_is_named(body: dict[str, Any], message: str) -> None:
    with pytest.raises(Invalid) as caught:
        read_body(Wanted, body)
    (error,) = caught.value.errors
    assert error["field"] == f"filter.{next(iter(body))}"
    assert error["message"].startswith(message)


def test_options_name_themselves_in_errors() -> None:
    with pytest.raises(Invalid) as caught:
        read_options(Wanted, {"madeAfter": "soon", "least": "1"})
    assert [error["field"] for error in caught.value.errors] == ["--made-after"]
    skipped = read_options(Wanted, {"madeAfter": "soon", "least": "1"}, skip=["madeAfter"])
    assert skipped == Wanted(least=1)


def test_the_document_has_a_parameter_for_each() -> None:
    parameters = {each.name: each for each in filter_parameters(Wanted, skip=["tag"])}
    assert list(parameters) == ["id", "state", "name", "search", "madeAfter", "least", "all"]
    assert parameters["state"].type == {
        "type": "array",
        "items": {"type": "string", "enum": ["OPEN", "SHUT"]},
    }
    assert (parameters["state"].style, parameters["state"].explode) == ("form", False)
    assert parameters["madeAfter"].type == {"type": "string", "format": "date-time"}
    assert parameters["id"].description == "Ids."
