"""Types of fields, to be used as `Annotated[int, Whole(1, 10)]`.

They are strict (`"5"` is not a number, 1 is not a boolean), and have one message for every error.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from controlplane.core.clock import parse_bound, parse_time
from controlplane.core.names import InvalidNameError, check_name
from controlplane.core.values import is_storable_text

STORABLE = "without NUL and lone surrogates"


def refused(message: str) -> PydanticCustomError:
    """The error of a validator; the message is for the client."""
    return PydanticCustomError("refused", "{message}", {"message": message})


def _saying(schema: CoreSchema, message: str) -> CoreSchema:
    """The schema with one message for every error."""
    return core_schema.custom_error_schema(
        schema,
        custom_error_type="refused",
        custom_error_message="{message}",
        custom_error_context={"message": message},
    )


@dataclass(frozen=True)
class Whole:
    """A whole number within bounds."""

    minimum: int
    maximum: int
    message: str = ""

    def __get_pydantic_core_schema__(self, _: Any, __: GetCoreSchemaHandler) -> CoreSchema:
        number = core_schema.int_schema(strict=True, ge=self.minimum, le=self.maximum)
        text = f"A whole number from {self.minimum} to {self.maximum}."
        return _saying(number, self.message or text)


@dataclass(frozen=True)
class Number:
    """A finite number within bounds; a whole one stays whole."""

    minimum: float
    maximum: float

    def __get_pydantic_core_schema__(self, _: Any, __: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self._check)

    def __get_pydantic_json_schema__(self, _: CoreSchema, __: GetJsonSchemaHandler) -> Any:
        bounds = {"minimum": self.minimum, "maximum": self.maximum}
        return {"type": "number", "format": "double", **bounds}

    def _check(self, value: Any) -> float:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not (is_number and math.isfinite(value) and self.minimum <= value <= self.maximum):
            raise refused(f"A number from {self.minimum:g} to {self.maximum:g}.")
        return value  # type: ignore[no-any-return] # a number, as was checked


@dataclass(frozen=True)
class Text:
    """A string of 1 to `limit` characters that a column can store."""

    limit: int | None = None
    minimum: int = 1
    message: str = ""

    def __get_pydantic_core_schema__(self, _: Any, __: GetCoreSchemaHandler) -> CoreSchema:
        text = core_schema.str_schema(
            strict=True, min_length=self.minimum or None, max_length=self.limit
        )
        kept = core_schema.no_info_after_validator_function(_storable, text)
        return _saying(kept, self.message or self._sentence())

    def _sentence(self) -> str:
        if self.limit is None:
            return (
                f"A text, {STORABLE}."
                if not self.minimum
                else f"A string that is not empty, {STORABLE}."
            )
        return f"{self.minimum} to {self.limit} characters, {STORABLE}."


@dataclass(frozen=True)
class Matching:
    """A text that a rule accepts; the error is that of the rule."""

    accepts: Callable[[str], object]
    message: str
    limit: int

    def __get_pydantic_core_schema__(self, _: Any, __: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self._check)

    def __get_pydantic_json_schema__(self, _: CoreSchema, __: GetJsonSchemaHandler) -> Any:
        return {"type": "string", "minLength": 1, "maxLength": self.limit}

    def _check(self, value: Any) -> str:
        if not isinstance(value, str):
            raise refused("This must be a string.")
        if not self.accepts(value):
            raise refused(self.message)
        return value


@dataclass(frozen=True)
class Names:
    """A list of names such as tags: each has only visible characters and a limited length."""

    limit: int
    count: int
    word: str = "tag"

    def __get_pydantic_core_schema__(self, _: Any, __: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self._check)

    def __get_pydantic_json_schema__(self, _: CoreSchema, __: GetJsonSchemaHandler) -> Any:
        item = {"type": "string", "minLength": 1, "maxLength": self.limit}
        return {"type": "array", "items": item, "maxItems": self.count}

    def _check(self, values: Any) -> Sequence[str]:
        if not isinstance(values, list | tuple):
            raise refused("This must be a list of strings.")
        if len(values) > self.count or not all(map(self._is_kept, values)):
            raise refused(
                f"At most {self.count} {self.word}s of 1 to {self.limit} characters, {STORABLE}."
            )
        for number, value in enumerate(values):
            try:
                check_name(value, limit=self.limit)
            except InvalidNameError as error:
                raise refused(f"{self.word.capitalize()} {number + 1}: {error}") from None
        return values

    def _is_kept(self, value: Any) -> bool:
        return isinstance(value, str) and 0 < len(value) <= self.limit and is_storable_text(value)


@dataclass(frozen=True)
class OneOf:
    """One of some texts."""

    values: tuple[str, ...]

    def __get_pydantic_core_schema__(self, _: Any, __: GetCoreSchemaHandler) -> CoreSchema:
        return _saying(
            core_schema.literal_schema(list(self.values)), f"One of {', '.join(self.values)}."
        )

    def __get_pydantic_json_schema__(self, _: CoreSchema, __: GetJsonSchemaHandler) -> Any:
        return {"type": "string", "enum": list(self.values)}


@dataclass(frozen=True)
class Saying:
    """Any type, with one message for every error."""

    message: str

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return _saying(handler(source), self.message)


@dataclass(frozen=True)
class Time:
    """A time with its zone; `read` raises ValueError with a message for the client."""

    read: Callable[[Any], datetime] = parse_time

    def __get_pydantic_core_schema__(self, _: Any, __: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self._check)

    def __get_pydantic_json_schema__(self, _: CoreSchema, __: GetJsonSchemaHandler) -> Any:
        return {"type": "string", "format": "date-time"}

    def _check(self, value: Any) -> datetime:
        try:
            # What Python code submits is a time already, and is checked by who takes it.
            return value if isinstance(value, datetime) else self.read(value)
        except ValueError as error:
            raise refused(str(error)) from None


def _storable(text: str) -> str:
    if not is_storable_text(text):
        raise ValueError
    return text


Moment = Annotated[datetime, Time()]
Bound = Annotated[datetime, Time(parse_bound)]
"""A time used as a limit: one that is out of range is replaced by the nearest valid one."""

Flag = Annotated[bool, Saying("This must be true or false.")]
JsonObject = Annotated[dict[str, Any], Saying("This must be an object.")]
Texts = Annotated[list[str], Saying("This must be a list of strings.")]
