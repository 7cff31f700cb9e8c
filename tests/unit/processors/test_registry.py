"""Registering processors: what is remembered, and what stops the start."""

import functools
from collections.abc import Callable, Iterator
from typing import Any

import pydantic
import pytest
from django.core.exceptions import ImproperlyConfigured

from tasks_app.processors import RetryPolicy, UnknownType, processor, registry


class Order(pydantic.BaseModel):
    number: int


@pytest.fixture(autouse=True)
def empty_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_processors", {})


def plain(ctx: Any, payload: Any) -> dict[str, Any]:
    """Do the work.

    More about it.
    """
    return {"got": payload}


def other(ctx: Any, payload: Any) -> None:
    return None


async def waiting(ctx: Any, payload: Any) -> None:
    return None


def test_defaults_of_a_processor() -> None:
    assert processor("plain")(plain) is plain
    found = registry.get("plain")

    assert (found.queue, found.max_attempts, found.timeout_seconds) == ("default", 3, 60)
    assert found.retry == RetryPolicy()
    assert found.description == "Do the work."
    assert found.payload_schema == {"type": "object", "additionalProperties": True}
    assert found.is_async is False
    assert found.func(None, {"a": 1}) == {"got": {"a": 1}}


def test_async_handlers_are_recognised_also_behind_a_decorator() -> None:
    @functools.wraps(waiting)
    def wrapped(*args: Any) -> Any:
        return waiting(*args)

    processor("waiting")(waiting)
    processor("wrapped")(wrapped)

    assert registry.get("waiting").is_async is True
    assert registry.get("wrapped").is_async is True


def test_a_payload_model_gives_the_schema_and_the_instance() -> None:
    processor("order", payload=Order)(plain)
    found = registry.get("order")

    assert found.payload_schema["properties"]["number"] == {"title": "Number", "type": "integer"}
    assert found.validate({"number": 3}) == Order(number=3)
    with pytest.raises(pydantic.ValidationError) as caught:
        found.validate({"number": "three"})
    assert caught.value.errors()[0]["loc"] == ("number",)


@pytest.mark.parametrize("payload", [None, [], "text", 3, {1: 2}])
def test_without_a_model_any_object_will_do_but_nothing_else(payload: Any) -> None:
    processor("plain")(plain)
    found = registry.get("plain")

    assert found.validate({"a": [1, None]}) == {"a": [1, None]}
    if payload != {1: 2}:  # keys of JSON are strings already
        with pytest.raises(pydantic.ValidationError):
            found.validate(payload)


def test_an_unknown_type_names_the_nearest_one() -> None:
    processor("file-stats")(plain)

    with pytest.raises(UnknownType, match=r"no task type 'file-stat'\. Did you mean 'file-stats'"):
        registry.get("file-stat")
    with pytest.raises(UnknownType, match=r"^There is no task type 'zzz'\.$"):
        registry.get("zzz")


def test_two_functions_cannot_have_one_name() -> None:
    processor("work")(plain)
    processor("work")(plain)  # the same module once more is no conflict

    with pytest.raises(ImproperlyConfigured, match=r"'work'.*\.plain and .*\.other"):
        processor("work")(other)


def test_names_are_sorted() -> None:
    for name in ("b", "a", "c"):
        processor(name)(plain)

    assert registry.names() == ["a", "b", "c"]
    assert [found.name for found in registry.all_processors()] == ["a", "b", "c"]


def one_argument(ctx: Any) -> None:
    return None


def generator(ctx: Any, payload: Any) -> Iterator[int]:
    yield 1


@pytest.mark.parametrize(
    ("options", "func", "message"),
    [
        ({"name": ""}, plain, "cannot name a task type"),
        ({"name": "two words"}, plain, "cannot name a task type"),
        ({"name": "x" * 201}, plain, "cannot name a task type"),
        ({"queue": "a/b"}, plain, "cannot name a queue"),
        ({"max_attempts": 0}, plain, "max_attempts must be from 1"),
        ({"timeout_seconds": 0}, plain, "timeout_seconds must be from"),
        ({"timeout_seconds": float("nan")}, plain, "timeout_seconds must be from"),
        ({"payload": dict}, plain, "must be a pydantic model class"),
        ({}, one_argument, r"must take \(ctx, payload\)"),
        ({}, generator, "yields"),
    ],
)
def test_a_registration_without_sense_stops_the_start(
    options: dict[str, Any], func: Callable[..., Any], message: str
) -> None:
    with pytest.raises(ImproperlyConfigured, match=message):
        processor(**{"name": "work", **options})(func)
    assert registry.names() == []
