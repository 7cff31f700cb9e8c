"""The numbers of an input, each of the type that its schema gives it.

JSON Schema accepts 1.0 as an `integer` and 1 as a `number`, and expressions do not mix the two. So
an input is stored with its integers as integers and its other numbers as floats: `input.x + 1`
works for every input that the schema accepts, or for none. If there is no schema, or alternatives
differ, a number keeps its written form.
"""

import functools
from collections.abc import Hashable, Iterable, Iterator, Mapping
from typing import Any

from controlplane.core.errors import FieldError
from workflows.language.templates import write_path

_ALTERNATIVES = ("allOf", "anyOf", "oneOf")
_CONDITIONS = ("if", "then", "else")
_LARGEST = 2**63

_Path = tuple[str | int, ...]
_Schema = Mapping[str, Any]


def convert_numbers(schema: _Schema, value: Any) -> tuple[Any, list[FieldError]]:
    """The input, and those of its integers that do not fit in 64 bits.

    The input is valid, and the references of the schema are internal and not circular.
    """
    errors: list[FieldError] = []
    return _convert(value, _Place(schema, [schema]), ("input",), errors), errors


class _Place:
    """The schemas that apply at one place of an input. Equal places, such as the items of a list,
    are shared, so that the time grows with the input, not with the input times the schema."""

    def __init__(self, root: _Schema, schemas: Iterable[Any]) -> None:
        self._root = root
        gathered: dict[int, _Schema] = {}
        for schema in schemas:
            self._gather(schema, gathered)
        self._schemas = list(gathered.values())
        self._below: dict[Hashable, _Place] = {}
        self._first = max((len(_first_items(schema)) for schema in self._schemas), default=0)
        self._names = {name for each in self._schemas for name in each.get("properties") or ()}
        self._patterns = {p for each in self._schemas for p in each.get("patternProperties") or ()}
        self.is_free = not self._schemas
        self.kind = _kind_of(self._schemas)

    def of_item(self, number: int) -> "_Place":
        number = min(number, self._first)
        return self._find(number, (_of_item(schema, number) for schema in self._schemas))

    def of_key(self, key: str) -> "_Place":
        name = key if key in self._names else None
        matching = frozenset(p for p in self._patterns if _pattern(p).is_valid(key))
        below = (part for each in self._schemas for part in _of_key(each, name, matching))
        return self._find((name, matching), below)

    def _find(self, signature: Hashable, schemas: Iterator[Any]) -> "_Place":
        found = self._below.get(signature)
        if found is None:
            found = self._below[signature] = _Place(self._root, schemas)
        return found

    def _gather(self, schema: Any, gathered: dict[int, _Schema]) -> None:
        """Add a schema, with those that apply to the same value."""
        if not isinstance(schema, dict) or id(schema) in gathered:
            return
        gathered[id(schema)] = schema
        if isinstance(schema.get("$ref"), str):
            self._gather(self._follow(schema["$ref"]), gathered)
        parts = [part for name in _ALTERNATIVES for part in schema.get(name) or ()]
        parts += [schema.get(name) for name in _CONDITIONS]
        parts += (schema.get("dependentSchemas") or {}).values()
        for part in parts:
            self._gather(part, gathered)

    def _follow(self, reference: str) -> Any:
        node: Any = self._root
        for part in reference.split("/")[1:]:
            name = part.replace("~1", "/").replace("~0", "~")
            node = node[int(name)] if isinstance(node, list) else node[name]
        return node


def _convert(value: Any, place: _Place, path: _Path, errors: list[FieldError]) -> Any:
    if isinstance(value, bool) or place.is_free:
        return value
    if isinstance(value, int | float):
        return _convert_number(value, place.kind, path, errors)
    if isinstance(value, list):
        return [
            _convert(item, place.of_item(number), (*path, number), errors)
            for number, item in enumerate(value)
        ]
    if isinstance(value, dict):
        return {
            key: _convert(item, place.of_key(key), (*path, key), errors)
            for key, item in value.items()
        }
    return value


def _convert_number(value: float, kind: str | None, path: _Path, errors: list[FieldError]) -> float:
    if kind == "integer" and isinstance(value, float) and value.is_integer():
        if -_LARGEST <= value < _LARGEST:
            return int(value)
        message = "An integer must fit in 64 bits (from -2^63 to 2^63-1)."
        errors.append({"field": write_path(path), "message": message})
    if kind == "number" and isinstance(value, int) and int(float(value)) == value:
        return float(value)
    return value


def _kind_of(schemas: Iterable[_Schema]) -> str | None:
    named: set[str] = set()
    for schema in schemas:
        kind = schema.get("type")
        named |= {kind} if isinstance(kind, str) else set(kind or ())
    numbers = named & {"integer", "number"}
    return numbers.pop() if len(numbers) == 1 else None


def _first_items(schema: _Schema) -> list[Any]:
    items = schema.get("items")
    return items if isinstance(items, list) else schema.get("prefixItems") or []


def _of_item(schema: _Schema, number: int) -> Any:
    first = _first_items(schema)
    if number < len(first):
        return first[number]
    items = schema.get("items")
    rest = schema.get("additionalItems") if isinstance(items, list) else items
    return schema.get("unevaluatedItems") if rest is None else rest


def _of_key(schema: _Schema, name: str | None, matching: frozenset[str]) -> Iterator[Any]:
    named = [] if name is None else [(schema.get("properties") or {}).get(name)]
    patterns = schema.get("patternProperties") or {}
    named += [part for pattern, part in patterns.items() if pattern in matching]
    if any(part is not None for part in named):
        yield from named
    else:
        yield schema.get("additionalProperties", schema.get("unevaluatedProperties"))


@functools.lru_cache(200)
def _pattern(pattern: str) -> Any:
    import jsonschema_rs  # 8 MB, which most processes that import this app never need

    options = jsonschema_rs.RegexOptions()  # linear in the text
    return jsonschema_rs.validator_for({"pattern": pattern}, pattern_options=options)
