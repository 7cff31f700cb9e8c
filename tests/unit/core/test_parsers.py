"""The parser of bodies, where HTTP cannot easily lead."""

import io
from typing import Any

import pytest
from django.http.request import UnreadablePostError
from rest_framework.exceptions import ParseError

from controlplane.core.errors import TooLarge
from controlplane.core.http.parsers import StrictJSONParser


class Request:
    def __init__(self, length: str) -> None:
        self.META = {"CONTENT_LENGTH": length}


class Untouched(io.RawIOBase):
    def read(self, size: int = -1) -> bytes:
        raise AssertionError("It was read.")


def test_what_says_that_it_is_too_large_is_not_read(settings: Any) -> None:
    settings.TASKPLANE = {**settings.TASKPLANE, "BODY_MAX_BYTES": 1_000}
    for length in ("1001", "9" * 5_000):
        with pytest.raises(TooLarge, match="1000 bytes"):
            StrictJSONParser().parse(Untouched(), None, {"request": Request(length)})


@pytest.mark.parametrize("length", ["", "nonsense", "-5"])
def test_a_length_that_is_none_is_not_believed(length: str) -> None:
    parsed = StrictJSONParser().parse(io.BytesIO(b"[1]"), None, {"request": Request(length)})
    assert parsed == [1]


def test_a_client_that_leaves_is_a_bad_request() -> None:
    class Broken(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            raise UnreadablePostError("connection reset")

    with pytest.raises(ParseError, match="body is incomplete"):
        StrictJSONParser().parse(Broken())
