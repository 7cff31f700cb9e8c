"""Filters, declared once and read in three ways."""

from argparse import ArgumentParser
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

import pytest
from django.http import QueryDict
from pydantic import Field

from controlplane.core.clock import now
from controlplane.core.console.derived import add_fields, add_options, read_options
from controlplane.core.console.output import EXIT_USAGE, CommandError
from controlplane.core.errors import Invalid
from controlplane.core.http.openapi import filter_parameters
from controlplane.core.schema import Request
from controlplane.core.schema.fields import Flag as Loud
from controlplane.core.schema.fields import Moment as When
from controlplane.core.schema.fields import Number, OneOf, Whole
from controlplane.core.schema.fields import Texts as Labels
from controlplane.core.schema.filters import (
    condition,
    read_body,
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
    Values,
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


def test_a_time_in_an_address_may_be_an_age_and_in_a_body_not() -> None:
    found = read_query(Wanted, QueryDict("madeAfter=1h"))
    assert found.made_after is not None
    assert timedelta(0) <= now() - timedelta(hours=1) - found.made_after < timedelta(minutes=1)
    oldest = read_query(Wanted, QueryDict("madeAfter=999999d")).made_after
    assert oldest == datetime(1970, 1, 1, tzinfo=UTC)
    for body in ({"madeAfter": "1h"}, {"madeAfter": "1y"}):
        with pytest.raises(Invalid):
            read_body(Wanted, body)
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
        ({"name": 5}, "A string of at most"),
        ({"name": "a\0"}, "A string of at most"),
        ({"search": ["a", "b"]}, "A string of at most"),
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
    with pytest.raises(CommandError) as caught:
        read_options(Wanted, {"madeAfter": "soon", "least": "1", "state": ["odd"]})
    assert caught.value.returncode == EXIT_USAGE
    lines = str(caught.value).splitlines()
    assert [line.partition(":")[0] for line in lines] == ["--state", "--made-after"]
    assert read_options(Wanted, {"least": "1"}, ids=(ID,)) == Wanted(ids=(ID,), least=1)


def test_options_may_be_repeated_left_out_and_have_an_older_name() -> None:
    parser = ArgumentParser()
    add_options(parser, Wanted, skip=["all"], aliases={"name": "--called"})
    given = ["--state=open", "--state", "shut", "--called", '"a, b",c', "--made-after=1h"]
    options = vars(parser.parse_args(given))
    assert "all" not in options
    found = read_options(Wanted, options)
    assert (found.states, found.names) == (("OPEN", "SHUT"), ("a, b", "c"))
    assert abs(now() - timedelta(hours=1) - (found.made_after or now())) < timedelta(minutes=1)


def test_a_flag_that_may_also_be_false_has_an_option_for_it() -> None:
    @dataclass(frozen=True, slots=True)
    class Jobs:
        enabled: bool | None = condition("enabled", Flag(empty=None), "Only enabled, or paused.")

    parser = ArgumentParser()
    add_options(parser, Jobs)
    found = [
        read_options(Jobs, vars(parser.parse_args(given))).enabled
        for given in ([], ["--enabled"], ["--no-enabled"])
    ]
    assert found == [None, True, False]


def test_the_help_of_an_option_names_values_and_forms() -> None:
    parser = ArgumentParser()
    add_options(parser, Wanted)
    text = " ".join(parser.format_help().split())
    assert "--state VALUE[,VALUE] states. Values: OPEN, SHUT" in text
    assert "or how long ago: 30m, 24h, 7d" in text


class Order(Request):
    count: Annotated[int, Whole(1, 5_000)] = Field(2, description="Number of things.")
    share: Annotated[float, Number(0, 1)] | None = Field(None, description="Share that 5 % take.")
    colour: Annotated[str, OneOf(("red", "blue"))] = Field("red", description="Colour of each.")
    is_loud: Loud = Field(default=False, description="With noise.")
    begin: When | None = Field(None, description="First time.")
    labels: Labels = Field(default_factory=list, description="Labels.")


def test_fields_of_a_request_are_options() -> None:
    parser = ArgumentParser()
    add_fields(parser, Order, *Order.model_fields, aliases={"labels": "--label"})
    none = vars(parser.parse_args([]))
    assert none == {
        "count": 2, "share": None, "colour": "red", "is_loud": False, "begin": None, "labels": [],
    }  # fmt: skip
    given = ["--count=7", "--share=0.5", "--colour=blue", "--is-loud", "--label=a", "--labels=b,c"]
    found = vars(parser.parse_args([*given, "--begin=2030-01-31T08:00:00Z"]))
    # Bounds are those of the schema, which checks them when it reads the request.
    assert (found["count"], found["share"], found["colour"]) == (7, 0.5, "blue")
    assert (found["is_loud"], found["labels"]) == (True, ["a", "b,c"])
    assert found["begin"] == datetime(2030, 1, 31, 8, tzinfo=UTC)
    text = " ".join(parser.format_help().split())
    assert "number of things, 1 to 5,000 (default 2)" in text
    assert "share that 5 % take, 0 to 1" in text
    assert "{red,blue} colour of each (default red)" in text
    assert "labels; may be repeated" in text


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
    assert parameters["search"].type == {"type": "string", "default": ""}
    assert parameters["all"].type == {"type": "boolean", "default": False}


@pytest.mark.parametrize(
    ("values", "schema"),
    [
        (Ids(limit=1), {"type": "string", "format": "uuid"}),
        (Ids(), {"type": "string"}),
        (Search(20, minimum=1), {"type": "string", "minLength": 1, "maxLength": 20}),
        (Search(empty="UTC"), {"type": "string", "default": "UTC"}),
        (Flag(empty=None), {"type": "boolean"}),
        (Flag(only_true=True), {"type": "boolean"}),
    ],
)
def test_a_kind_says_its_format_and_default(values: Values, schema: dict[str, Any]) -> None:
    assert values.schema() == schema
