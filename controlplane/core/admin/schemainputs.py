"""The kinds of inputs: how each reads a text, and writes a value as one. Pure."""

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from controlplane.core.errors import Invalid
from controlplane.core.formatting import format_json
from controlplane.core.strictjson import MalformedJsonError, parse_json

_SHORT = 200
_MAX_JSON_DEPTH = 32
_WHOLE = re.compile(r"-?\d{1,400}")
_NUMBER = re.compile(r"-?\d{1,400}(\.\d{1,400})?([eE][-+]?\d{1,3})?")
_SCALARS = (str, int, float, bool)

Schema = Mapping[str, Any]


class Kind(ABC):
    """A kind of input. `is_empty_value`: an empty text is a value of it; `is_long`: several lines;
    `control` names what the template draws."""

    control = "text"
    is_empty_value = False
    is_long = False

    @abstractmethod
    def read(self, text: str) -> Any:
        """The value. Raises ValueError with what is wrong."""

    @abstractmethod
    def write(self, value: Any) -> str | None:
        """The text of a value; None if it has none."""

    def help(self, schema: Schema, outer: Schema) -> str:
        """Bounds and default in words."""
        words = [_bounds(schema)]
        if "default" in outer and outer["default"] not in (None, "", [], {}):
            words.append(f"Default: {_plain(outer['default'])}.")
        return " ".join(word for word in words if word)


class TextKind(Kind):
    """A text on one line."""

    is_empty_value = True

    def read(self, text: str) -> str:
        return text

    def write(self, value: Any) -> str | None:
        if not isinstance(value, str) or "\r" in value:
            return None
        return value if self.is_long or "\n" not in value else None


class LongTextKind(TextKind):
    """A text on several lines."""

    control = "textarea"
    is_long = True


class WholeKind(Kind):
    """A whole number of any size, exact."""

    control = "number"

    def read(self, text: str) -> int:
        if not _WHOLE.fullmatch(text.strip()):
            raise ValueError("Enter a whole number.")
        return int(text)

    def write(self, value: Any) -> str | None:
        is_whole = isinstance(value, int) and not isinstance(value, bool)
        return str(value) if is_whole else None


class NumberKind(Kind):
    """A number; one without a fraction stays whole."""

    control = "number"

    def read(self, text: str) -> Any:
        if not _NUMBER.fullmatch(text.strip()):
            raise ValueError("Enter a number, such as 12 or 0.5.")
        return _parse(text.strip())

    def write(self, value: Any) -> str | None:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return format_json(value) if is_number else None


@dataclass(frozen=True, slots=True)
class Choice(Kind):
    """One of a few values, by their place in the list."""

    values: tuple[Any, ...]
    control = "select"

    @property
    def choices(self) -> list[tuple[str, str]]:
        return [(str(index), _plain(value)) for index, value in enumerate(self.values)]

    def read(self, text: str) -> Any:
        if not text.isdecimal() or int(text) >= len(self.values):
            raise ValueError("Choose one of the values.")
        return self.values[int(text)]

    def write(self, value: Any) -> str | None:
        same = (
            n for n, each in enumerate(self.values) if each == value and type(each) is type(value)
        )
        index = next(same, None)
        return None if index is None else str(index)


@dataclass(frozen=True, slots=True)
class Lines(Kind):
    """A list with one item on each line."""

    item: Kind
    control = "textarea"
    is_empty_value = True

    def read(self, text: str) -> list[Any]:
        lines = [line for line in text.split("\n") if line.strip()]
        found = []
        for number, line in enumerate(lines, 1):
            try:
                found.append(self.item.read(line))
            except ValueError as error:
                raise ValueError(f"Line {number}: {error}") from None
        return found

    def write(self, value: Any) -> str | None:
        if not isinstance(value, list):
            return None
        texts = [self.item.write(each) for each in value]
        known = [text for text in texts if text is not None and text.strip() and "\n" not in text]
        return "\n".join(known) if len(known) == len(texts) else None

    def help(self, schema: Schema, outer: Schema) -> str:
        return f"One on each line. {Kind.help(self, schema, outer)}".strip()


class JsonKind(Kind):
    """Any value, as JSON."""

    control = "json"
    is_long = True

    def read(self, text: str) -> Any:
        return _parse(text)

    def write(self, value: Any) -> str | None:
        return format_json(value)

    def help(self, schema: Schema, outer: Schema) -> str:
        words = Kind.help(self, schema, outer)
        return words if "JSON" in str(outer.get("description", "")) else f"JSON. {words}".strip()


def kind_of(schema: Schema) -> Kind:
    """The kind of input for a schema without references."""
    if "const" in schema and isinstance(schema["const"], _SCALARS):
        return Choice((schema["const"],))
    values = schema.get("enum")
    if values and all(isinstance(each, _SCALARS) for each in values):
        return Choice(tuple(values))
    match schema.get("type"):
        case "string":
            is_short = schema.get("maxLength", _SHORT + 1) <= _SHORT or "format" in schema
            return TextKind() if is_short or "pattern" in schema else LongTextKind()
        case "integer":
            return WholeKind()
        case "number":
            return NumberKind()
        case "boolean":
            return Choice((True, False))
        case "array":
            item = kind_of(schema.get("items") or {})
            if isinstance(item, LongTextKind):
                item = TextKind()
            return JsonKind() if isinstance(item, JsonKind | Lines | Choice) else Lines(item)
    return JsonKind()


def _parse(text: str) -> Any:
    try:
        return parse_json(text.encode(), max_depth=_MAX_JSON_DEPTH)
    except (MalformedJsonError, Invalid, UnicodeEncodeError) as error:
        raise ValueError(str(error).replace("The body", "This", 1)) from error


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _bounds(schema: Schema) -> str:
    least = schema.get("minimum", schema.get("exclusiveMinimum"))
    most = schema.get("maximum", schema.get("exclusiveMaximum"))
    if least is not None and most is not None:
        return f"From {least:,} to {most:,}."
    if least is not None:
        return f"At least {least:,}." if "minimum" in schema else f"Above {least:,}."
    if most is not None:
        return f"At most {most:,}." if "maximum" in schema else f"Below {most:,}."
    if "maxLength" in schema:
        return f"At most {schema['maxLength']:,} characters."
    return ""
