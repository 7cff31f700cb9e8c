"""The kinds of values of a filter's conditions: each reads the given values and has its description
for the OpenAPI document."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol
from uuid import UUID

import orjson

from controlplane.core.clock import parse_bound
from controlplane.core.ids import parse_uuid
from controlplane.core.names import canonical_name

COMMA = "Comma-separated list."
MAX_VALUES = 200  # of one parameter
MAX_LENGTH = 1_000  # of one value

QUOTED = r'"(?:[^"\\]|\\.)*+"'
_PARTS = re.compile(rf"(?:\A|,)({QUOTED}(?=,|\Z)|[^,]*)", re.DOTALL)


def split_values(texts: Iterable[str]) -> list[str]:
    """The values of the texts, separated by commas. A value that contains a comma, or is in double
    quotes itself, is written as a JSON string: `"red, green"`. Empty values are left out."""
    return [unquote(part) for part in split_parts(texts) if part]


def split_parts(texts: Iterable[str]) -> list[str]:
    """As `split_values`, with the quotes as they are."""
    return [part for text in texts for part in _PARTS.findall(text)]


def join_values(values: Iterable[str]) -> str:
    """One text from which `split_values` restores the values."""
    return ",".join(
        orjson.dumps(value).decode() if "," in value or value[:1] in ("", '"') else value
        for value in values
    )


def unquote(part: str) -> str:
    """The value of a JSON string; any other text is returned unchanged."""
    if not part.startswith('"'):
        return part
    try:
        return str(orjson.loads(part))
    except orjson.JSONDecodeError:
        return part


class FilterError(ValueError):
    """A value that a filter does not accept; the message is for the client."""


class Values(Protocol):
    """A kind of condition. `is_split`: in a query string commas separate several values.
    `form`: how a value is written, as a sentence."""

    @property
    def empty(self) -> Any: ...
    @property
    def is_split(self) -> bool: ...
    @property
    def is_flag(self) -> bool: ...
    @property
    def metavar(self) -> str: ...
    @property
    def form(self) -> str: ...
    def read(self, values: Sequence[Any]) -> Any: ...
    def schema(self) -> dict[str, Any]: ...


class _Kind:
    empty: Any = None
    is_split = True
    is_flag = False
    metavar = "VALUE"
    form = ""
    json_type: ClassVar[dict[str, Any]] = {"type": "string"}

    def schema(self) -> dict[str, Any]:
        """JSON Schema of the parameter."""
        return dict(self.json_type)


@dataclass(frozen=True)
class Texts(_Kind):
    """Texts; one of them must match."""

    limit: int = MAX_VALUES
    empty: Any = ()
    metavar: str = "VALUE[,VALUE]"

    def read(self, values: Sequence[Any]) -> tuple[Any, ...]:
        """The texts. Raises FilterError."""
        check_count(values, self.limit)
        for value in values:
            if not isinstance(value, str) or "\x00" in value or len(value) > MAX_LENGTH:
                raise FilterError(f"A string of at most {MAX_LENGTH} characters, without NUL.")
        return tuple(values)


@dataclass(frozen=True)
class Tags(Texts):
    """Names, compared in their canonical form."""

    def read(self, values: Sequence[Any]) -> tuple[str, ...]:
        """The canonical names. Raises FilterError."""
        return tuple(map(canonical_name, super().read(values)))


@dataclass(frozen=True)
class Choices(Texts):
    """One or more of the known words, in upper or lower case."""

    choices: tuple[str, ...] = ()

    def read(self, values: Sequence[Any]) -> tuple[str, ...]:
        """The words as they are declared. Raises FilterError."""
        known = {word.upper(): word for word in self.choices}
        try:
            return tuple(known[value.upper()] for value in super().read(values))
        except KeyError:
            raise FilterError(f"One of {', '.join(self.choices)}.") from None

    def schema(self) -> dict[str, Any]:
        """A list in the form a,b."""
        return {"type": "array", "items": {"type": "string", "enum": list(self.choices)}}


@dataclass(frozen=True)
class Ids(Texts):
    """UUIDs."""

    metavar: str = "ID[,ID]"

    def read(self, values: Sequence[Any]) -> tuple[UUID, ...]:
        """The ids. Raises FilterError."""
        try:
            return tuple(parse_uuid(text) for text in super().read(values))
        except FilterError:
            raise
        except ValueError:
            raise FilterError("An id, such as 018f6f2e-0000-7000-8000-000000000000.") from None

    def schema(self) -> dict[str, Any]:
        """One id, or several in the form a,b."""
        return {"type": "string", "format": "uuid"} if self.limit == 1 else {"type": "string"}


@dataclass(frozen=True)
class Search(_Kind):
    """One text, which may contain commas; the last one given counts. `empty` is the value without
    any."""

    limit: int = MAX_LENGTH
    minimum: int = 0
    empty: Any = ""
    is_stripped: bool = True
    is_split = False
    metavar = "TEXT"

    def read(self, values: Sequence[Any]) -> str:
        """The text. Raises FilterError."""
        given = values if len(values) == 1 else [None]
        text = str(Texts().read(given)[0])
        text = text.strip() if self.is_stripped else text
        if not self.minimum <= len(text) <= self.limit:
            raise FilterError(f"A string of {self.minimum} to {self.limit} characters.")
        return text

    def schema(self) -> dict[str, Any]:
        """A text, with the bounds that are its own, and what it is when it is left out."""
        found = dict(self.json_type)
        if self.minimum:
            found["minLength"] = self.minimum
        else:
            found["default"] = self.empty
        if self.limit < MAX_LENGTH:
            found["maxLength"] = self.limit
        return found


@dataclass(frozen=True)
class Moment(_Kind):
    """One time with its zone, used as a limit."""

    metavar = "TIME"
    form = "RFC 3339 with a zone, or how long ago: `15m`, `1h`, `7d`."
    json_type = {"type": "string", "format": "date-time"}

    def read(self, values: Sequence[Any]) -> Any:
        """The time. Raises FilterError."""
        try:
            return parse_bound(values[0] if len(values) == 1 else None)
        except ValueError as error:
            raise FilterError(str(error)) from None


@dataclass(frozen=True)
class WholeNumber(_Kind):
    """One whole number within bounds."""

    minimum: int
    maximum: int
    metavar = "NUMBER"
    json_type = {"type": "integer"}

    def read(self, values: Sequence[Any]) -> int:
        """The number. Raises FilterError."""
        value = values[0] if len(values) == 1 else None
        if isinstance(value, str):
            digits = value.removeprefix("-")
            is_number = digits.isascii() and digits.isdigit() and len(value) < 10
            value = int(value) if is_number else None
        is_whole = isinstance(value, int) and not isinstance(value, bool)
        if not (is_whole and self.minimum <= value <= self.maximum):  # type: ignore[operator] # narrowed by is_whole
            raise FilterError(f"A whole number from {self.minimum} to {self.maximum}.")
        return value  # type: ignore[return-value] # narrowed by is_whole


@dataclass(frozen=True)
class Flag(_Kind):
    """true or false; with `only_true`, only true."""

    only_true: bool = False
    empty: Any = False
    is_flag = True
    json_type = {"type": "boolean"}

    def read(self, values: Sequence[Any]) -> bool:
        """The flag. Raises FilterError."""
        value = values[0] if len(values) == 1 else None
        if isinstance(value, str):
            value = {"true": True, "false": False}.get(value.lower())
        if not isinstance(value, bool):
            raise FilterError("This must be true or false.")
        if self.only_true and not value:
            raise FilterError("Only true.")
        return value

    def schema(self) -> dict[str, Any]:
        """A boolean, and what it is when it is left out."""
        has_default = self.empty is not None and not self.only_true
        return {**self.json_type, **({"default": self.empty} if has_default else {})}


def check_count(values: Sequence[Any], limit: int = MAX_VALUES) -> None:
    """Raises FilterError unless there is a value, and not too many."""
    if not 1 <= len(values) <= limit:
        raise FilterError(f"From 1 to {limit} values.")
