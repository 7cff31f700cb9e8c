"""The inputSchema of a definition: checked when it is stored, and applied to the inputs of runs."""

import functools
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

import orjson
from django.conf import settings

from controlplane.core.errors import FieldError, Invalid, TooLarge
from controlplane.core.values import check_json_value, check_payload_value
from workflows.language.templates import write_path
from workflows.numbers import convert_numbers

MAX_BYTES = 64 * 1024
MAX_SUBSCHEMAS = 2_000
"""The number of subschemas, each counted once per reference to it, since each costs time for each
value."""
MAX_PATTERNS = 100
MAX_PROBLEMS = 50

_PATTERN_BYTES = 1024 * 1024  # of one compiled pattern
_MAX_DEPTH = 200  # subschemas inside each other, with references followed
# An error of the library holds a copy of the value it is about, and one under `anyOf` an error for
# each alternative: 2,000 of them against 250 KB took 480 MB. Above this product none is asked for.
_MAX_EXPLAINED = 16 * 1024 * 1024
_MAX_MESSAGE_LENGTH = 300
_DATA = frozenset({"const", "enum", "default", "examples", "required", "dependentRequired"})
_NAMED = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"})
_REFUSED = ("$dynamicRef", "$recursiveRef")

_Problem = tuple[str, str]  # the path below the schema, and what is wrong


def check_schema(schema: Any) -> Iterator[_Problem]:
    """Errors of an inputSchema, as paths below it (`.properties.a`) and messages."""
    import jsonschema_rs  # 8 MB, which most processes that import this app never need

    if not isinstance(schema, dict):
        yield "", "This must be a JSON Schema, as an object."
        return
    try:
        _check_size(schema)
        _count_parts(schema)
        _validator(orjson.dumps(schema))
    except Invalid as error:
        for problem in error.errors:
            yield problem["field"], problem["message"]
    except TooLarge as error:
        yield "", error.detail
    except jsonschema_rs.ValidationError as error:
        # It is about the schema as an instance of its meta-schema.
        yield _below(error.instance_path), _shorten(error.message)
    except (jsonschema_rs.ReferencingError, ValueError) as error:
        yield "", _shorten(str(error).partition("\n")[0])


def check_input_value(schema: Mapping[str, Any] | None, value: Any) -> Any:
    """The input with its numbers as the schema types them.

    Raises Invalid with up to 50 problems, or TooLarge.
    """
    if not isinstance(value, dict):
        raise Invalid(errors=[{"field": "input", "message": "This must be an object."}])
    text = check_payload_value(value, field="input")
    if schema is None:
        return value
    validator = _validator(orjson.dumps(schema))
    if validator.is_valid(value):
        typed, errors = convert_numbers(schema, value)
        if errors:
            raise Invalid(errors=errors[:MAX_PROBLEMS])
        return typed
    if _count_parts(dict(schema)) * len(text) > _MAX_EXPLAINED:
        message = (
            "The input does not match the inputSchema. Input and schema are too large to show "
            "where."
        )
        raise Invalid(errors=[{"field": "input", "message": message}])
    problems = (one for found in validator.iter_errors(value) for one in _explain(found))
    raise Invalid(errors=list(islice(problems, MAX_PROBLEMS)))


@functools.lru_cache(64)
def _validator(schema: bytes) -> Any:
    import jsonschema_rs

    return jsonschema_rs.validator_for(
        orjson.loads(schema),
        offline=True,
        validate_formats=True,
        # Linear in the text, without look-around and back-references.
        pattern_options=jsonschema_rs.RegexOptions(size_limit=_PATTERN_BYTES),
    )


def _explain(error: Any) -> Iterator[FieldError]:
    from jsonschema_rs import ValidationErrorKind as kind  # noqa: N813 - short for its members

    field = "input" + _below(error.instance_path)
    if isinstance(error.kind, kind.Required):
        yield {"field": f"{field}.{error.kind.property}", "message": "It is required."}
    elif isinstance(error.kind, kind.AdditionalProperties | kind.UnevaluatedProperties):
        for name in error.kind.unexpected:
            yield {"field": f"{field}.{name[:100]}", "message": "This field is unknown."}
    else:
        yield {"field": field, "message": _shorten(error.message)}


def _check_size(schema: dict[str, Any]) -> None:
    try:
        check_json_value(
            schema,
            max_bytes=MAX_BYTES,
            max_depth=settings.TASKPLANE["JSON_MAX_DEPTH"],
            field="inputSchema",
        )
    except Invalid as error:
        raise _refusal(
            error.errors[0]["field"][len("inputSchema") :], error.errors[0]["message"]
        ) from None


def _count_parts(schema: dict[str, Any]) -> int:
    """The maximum number of subschemas for a value. Raises Invalid."""
    return _Count(schema).visit(schema, "", 0)


class _Count:
    """One walk over a schema that follows references; each subschema is counted once."""

    def __init__(self, root: dict[str, Any]) -> None:
        self._root = root
        self._known: dict[int, int] = {}
        self._open: set[int] = set()
        self._patterns = 0

    def visit(self, node: Any, path: str, depth: int) -> int:
        if not isinstance(node, dict | list):
            return 0
        if id(node) in self._known:
            return self._known[id(node)]
        if id(node) in self._open:
            raise _refusal(path, "A schema must not refer to itself, directly or through others.")
        if depth > _MAX_DEPTH:
            raise _refusal("", f"References go through more than {_MAX_DEPTH} schemas.")
        self._open.add(id(node))
        count = self._visit_list(node, path, depth) if isinstance(node, list) else 1
        if isinstance(node, dict):
            count += self._visit_object(node, path, depth)
        self._open.remove(id(node))
        if count > MAX_SUBSCHEMAS:
            message = f"At most {MAX_SUBSCHEMAS:,} subschemas, with references followed."
            raise _refusal("", message)
        self._known[id(node)] = count
        return count

    def _visit_list(self, items: list[Any], path: str, depth: int) -> int:
        return sum(self.visit(item, f"{path}[{n}]", depth + 1) for n, item in enumerate(items))

    def _visit_object(self, node: dict[str, Any], path: str, depth: int) -> int:
        count = 0
        for name, item in node.items():
            below = f"{path}.{name}"
            if isinstance(item, str):
                count += self._visit_text(name, item, below, depth)
            elif name in _NAMED and isinstance(item, dict):
                # Its keys are names that the author chose, and no keywords.
                self._add_patterns(len(item) if name == "patternProperties" else 0, below)
                parts = item.items()
                count += sum(self.visit(part, f"{below}.{key}", depth + 1) for key, part in parts)
            elif name not in _DATA:
                count += self.visit(item, below, depth + 1)
        return count

    def _visit_text(self, name: str, text: str, path: str, depth: int) -> int:
        if name == "pattern":
            self._add_patterns(1, path)
        elif name in _REFUSED or (name == "$id" and depth):
            raise _refusal(path, f"{name} is not supported here; use $ref with '#/…'.")
        elif name == "$ref":
            return self.visit(self._follow(text, path), path, depth + 1)
        return 0

    def _add_patterns(self, count: int, path: str) -> None:
        self._patterns += count
        if self._patterns > MAX_PATTERNS:
            raise _refusal(path, f"At most {MAX_PATTERNS} patterns.")

    def _follow(self, reference: str, path: str) -> Any:
        node: Any = self._root
        if reference != "#" and not reference.startswith("#/"):
            raise _refusal(path, "A reference must stay in the schema: '#/$defs/…'.")
        for part in reference.split("/")[1:]:
            part = part.replace("~1", "/").replace("~0", "~")  # noqa: PLW2901 - as RFC 6901 writes it
            if isinstance(node, list) and part.isdecimal() and int(part) < len(node):
                node = node[int(part)]
            elif isinstance(node, dict) and part in node:
                node = node[part]
            else:
                raise _refusal(path, f"There is nothing at {reference[:100]!r} in the schema.")
        return node


def _refusal(path: str, message: str) -> Invalid:
    return Invalid(errors=[{"field": path, "message": message}])


def _below(path: list[str | int]) -> str:
    text = write_path(tuple(path))
    return f".{text}" if text and text[0] != "[" else text


def _shorten(message: str) -> str:
    text = message if len(message) <= _MAX_MESSAGE_LENGTH else f"{message[:_MAX_MESSAGE_LENGTH]}…"
    return text if text.endswith((".", "…")) else f"{text}."
