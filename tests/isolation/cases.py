"""What a handler may leave behind: each case is a function that does it, by its name in
docs/handler-isolation.md."""

from collections.abc import Callable
from typing import Any

from django.db import connection

TABLE = "isolation_writes"

CASES: dict[str, Callable[[], object]] = {}
ASYNC_CASES: dict[str, Callable[[], Any]] = {}  # only in an event loop
keep: list[object] = []  # what must outlive the handler


def case(function: Callable[[], object]) -> Callable[[], object]:
    CASES[function.__name__.replace("_", "-")] = function
    return function


def async_case(function: Callable[[], Any]) -> Callable[[], Any]:
    ASYNC_CASES[function.__name__.replace("_", "-")] = function
    return function


def sql(text: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(text)
