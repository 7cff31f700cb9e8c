"""Every category arises by rule; an installation adds rules of its own."""

import errno
import socket
import ssl
from urllib.error import HTTPError, URLError

import httpx
import psycopg
import pydantic
import pytest
from django.core.exceptions import ValidationError
from django.db import OperationalError

from tasks_app.failures import category_of
from tasks_app.processors import DependencyFailed, Fail, RetryLater, category_rule, registry
from tasks_app.processors import categories as rules
from tasks_app.processors.builtin.http_request import FinalStatus, UnexpectedStatus


def invalid() -> pydantic.ValidationError:
    with pytest.raises(pydantic.ValidationError) as caught:
        pydantic.TypeAdapter(int).validate_python("no")
    return caught.value


def caused(error: BaseException, cause: BaseException) -> BaseException:
    error.__cause__ = cause
    return error


def answered(status: int) -> httpx.HTTPStatusError:
    request = httpx.Request("GET", "https://example.org")
    return httpx.HTTPStatusError("no", request=request, response=httpx.Response(status))


@pytest.mark.parametrize(
    ("error", "category"),
    [
        (invalid(), "VALIDATION"),
        (ValidationError("no"), "VALIDATION"),
        (TimeoutError(), "TIMEOUT"),
        (httpx.ReadTimeout("slow"), "TIMEOUT"),
        (caused(OperationalError(), psycopg.errors.QueryCanceled()), "TIMEOUT"),
        (DependencyFailed("no rates today"), "DEPENDENCY"),
        (answered(503), "DEPENDENCY"),
        (answered(404), "DEPENDENCY"),
        (HTTPError("https://example.org", 500, "no", None, None), "DEPENDENCY"),  # type: ignore[arg-type]
        (httpx.ConnectError("refused"), "NETWORK"),
        (URLError("no route"), "NETWORK"),
        (ConnectionResetError(), "NETWORK"),
        (socket.gaierror(-2, "unknown name"), "NETWORK"),
        (ssl.SSLError("bad certificate"), "NETWORK"),
        (OSError(errno.EHOSTUNREACH, "no route"), "NETWORK"),
        (psycopg.OperationalError("connection failed"), "NETWORK"),
        (caused(OperationalError(), psycopg.errors.AdminShutdown()), "NETWORK"),
        (MemoryError(), "RESOURCE"),
        (OSError(errno.ENOSPC, "disk full"), "RESOURCE"),
        (OSError(errno.EMFILE, "too many files"), "RESOURCE"),
        (caused(OperationalError(), psycopg.errors.TooManyConnections()), "RESOURCE"),
        (psycopg.errors.DiskFull(), "RESOURCE"),
        (psycopg.errors.UniqueViolation(), "CODE"),
        (FileNotFoundError(errno.ENOENT, "no file"), "CODE"),
        (KeyError("x"), "CODE"),
        (Fail("no"), "UNKNOWN"),
        (RetryLater(5), "UNKNOWN"),
        (caused(Fail("no"), ConnectionRefusedError()), "NETWORK"),
        (caused(RetryLater(5), answered(500)), "DEPENDENCY"),
    ],
)
def test_the_table(error: BaseException, category: str) -> None:
    assert category_of(error) == category


def test_a_chain_that_bites_its_tail_ends() -> None:
    first, second = Fail("a"), Fail("b")
    first.__cause__, second.__cause__ = second, first
    assert category_of(first) == "UNKNOWN"


def test_what_a_service_answered_is_distinguished_from_what_it_refused() -> None:
    processor = registry.get("http-request")
    assert category_of(UnexpectedStatus("500"), processor) == "DEPENDENCY"
    assert category_of(RetryLater(5, "503"), processor) == "DEPENDENCY"
    assert category_of(FinalStatus("400"), processor) == "VALIDATION"


class RatesError(Exception):
    pass


@pytest.fixture
def own_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "_rules", {})


@pytest.mark.usefixtures("own_rules")
def test_rules_are_asked_in_the_order_of_their_registration() -> None:
    @category_rule
    def broken(error: BaseException) -> str | None:
        raise RuntimeError("the rule itself")

    @category_rule
    def nonsense(error: BaseException) -> str | None:
        return "WEATHER"

    @category_rule
    def rates(error: BaseException) -> str | None:
        return "DEPENDENCY" if isinstance(error, RatesError) else None

    @category_rule
    def everything(error: BaseException) -> str | None:
        return "RESOURCE"

    assert category_of(RatesError()) == "DEPENDENCY"
    assert category_of(KeyError()) == "RESOURCE"
    processor = registry.get("http-request")
    assert category_of(FinalStatus("the processor's word comes first"), processor) == "VALIDATION"
    category_rule(everything)
    assert len(rules._rules) == 4
