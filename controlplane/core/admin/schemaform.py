"""Inputs made of a JSON Schema, and the value that a person gives by them. Pure.

What an input cannot hold exactly is written as JSON: `fill` returns None for a value that would not
come back unchanged.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from controlplane.core.admin.schemainputs import Choice, Kind, Lines, kind_of
from controlplane.core.jsonb import is_same_json

MAX_DEPTH = 4
MAX_INPUTS = 60
ABSENT = object()
_CAPITAL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Input:
    """One input. `path` leads to its value; `name` is that of the form's field."""

    path: tuple[str, ...]
    name: str
    title: str
    help: str
    kind: Kind
    is_required: bool
    is_nullable: bool

    @property
    def label(self) -> str:
        return ".".join(self.path)

    @property
    def choices(self) -> list[tuple[str, str]]:
        return self.kind.choices if isinstance(self.kind, Choice) else []

    @property
    def is_long(self) -> bool:
        return isinstance(self.kind, Lines) or self.kind.is_long


@dataclass(frozen=True, slots=True)
class Group:
    """Inputs of a nested object."""

    title: str
    help: str
    path: tuple[str, ...]
    is_required: bool
    parts: "Sequence[Input | Group]"


@dataclass(frozen=True, slots=True)
class Layout:
    """The inputs of a schema. Without `parts` there is only JSON for it."""

    parts: Sequence[Input | Group] = ()

    @property
    def inputs(self) -> list[Input]:
        return list(_inputs(self.parts))


@dataclass(slots=True)
class Reading:
    """What was typed, as a value; errors by the name of the field."""

    value: dict[str, Any] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)


def plan(schema: Schema) -> Layout:
    """The inputs of an object's schema; none if it has no properties, or too many."""
    definitions = schema.get("$defs", {})
    parts = list(_parts(schema, definitions, (), iter(range(10_000))))
    layout = Layout(parts)
    return layout if 0 < len(layout.inputs) <= MAX_INPUTS else Layout()


def _parts(
    schema: Schema, definitions: Schema, above: tuple[str, ...], numbers: Iterator[int]
) -> Iterator[Input | Group]:
    required = set(schema.get("required", ()))
    for key, raw in schema.get("properties", {}).items():
        found, is_nullable = _resolve(raw, definitions)
        path = (*above, key)
        title = _title(key, str(raw.get("title") or found.get("title") or ""))
        text = str(raw.get("description") or "")
        is_object = found.get("type") == "object" and found.get("properties")
        if is_object and not is_nullable and len(path) < MAX_DEPTH:
            parts = list(_parts(found, definitions, path, numbers))
            yield Group(title, text, path, key in required, parts)
            continue
        kind = kind_of(found)
        yield Input(
            path=path,
            name=f"payload-{next(numbers)}",
            title=title,
            help=" ".join(part for part in (text, kind.help(found, raw)) if part),
            kind=kind,
            is_required=key in required,
            is_nullable=is_nullable,
        )


def _title(key: str, given: str) -> str:
    """The title that an author gave. Pydantic makes one of the name, which only looks like words:
    `Timeoutms`."""
    if given and given.replace(" ", "").lower() != key.replace("_", "").lower():
        return given
    words = _CAPITAL.sub(" ", key).replace("_", " ").strip().split()
    return " ".join(word if word.isupper() else word.lower() for word in words).capitalize()


def _resolve(schema: Schema, definitions: Schema) -> tuple[Schema, bool]:
    """The schema without references, and whether null is allowed beside it."""
    for _ in range(10):
        if reference := schema.get("$ref"):
            schema = definitions.get(str(reference).rpartition("/")[2], {})
        elif len(schema.get("allOf", ())) == 1:
            schema = {**schema["allOf"][0], **{k: v for k, v in schema.items() if k != "allOf"}}
        else:
            break
    options = schema.get("anyOf") or schema.get("oneOf") or ()
    others = [each for each in options if each.get("type") != "null"]
    if len(others) == 1 and len(options) == 2:
        return _resolve(others[0], definitions)[0], True
    return schema, False


def _inputs(parts: Sequence[Input | Group]) -> Iterator[Input]:
    for part in parts:
        if isinstance(part, Group):
            yield from _inputs(part.parts)
        else:
            yield part


def read(layout: Layout, texts: Mapping[str, str]) -> Reading:
    """The value of the form's texts. An optional input that is empty has none."""
    found = Reading()
    found.value = _read_parts(layout.parts, texts, found.errors)
    return found


def _read_parts(
    parts: Sequence[Input | Group], texts: Mapping[str, str], errors: dict[str, str]
) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for part in parts:
        if isinstance(part, Group):
            inner = _read_parts(part.parts, texts, errors)
            if inner or part.is_required:
                value[part.path[-1]] = inner
            continue
        try:
            one = _read_input(part, texts.get(part.name, "").replace("\r\n", "\n"))
        except ValueError as error:
            errors[part.name] = str(error)
        else:
            if one is not ABSENT:
                value[part.path[-1]] = one
    return value


def _read_input(part: Input, text: str) -> Any:
    if text.strip() == "" and not (part.is_required and part.kind.is_empty_value):
        if not part.is_required:
            return ABSENT
        if part.is_nullable:
            return None
        raise ValueError("This field is required.")
    return part.kind.read(text)


def fill(layout: Layout, value: Any) -> dict[str, str] | None:
    """The texts that give this value back; None if the inputs cannot."""
    if not layout.parts or not isinstance(value, dict):
        return None
    texts: dict[str, str] = {}
    for part in layout.inputs:
        inner = _find(value, part.path)
        if inner is not ABSENT and inner is not None:
            text = part.kind.write(inner)
            if text is None:
                return None
            texts[part.name] = text
    again = read(layout, texts)
    return texts if not again.errors and is_same_json(again.value, value) else None


def _find(value: Any, path: Sequence[str]) -> Any:
    for key in path:
        if not isinstance(value, dict) or key not in value:
            return ABSENT
        value = value[key]
    return value


def find_input(layout: Layout, path: str) -> Input | None:
    """The input to which an error belongs: that of the path, or the nearest above or below it."""
    inputs = layout.inputs
    exact = [each for each in inputs if each.label == path]
    above = [each for each in inputs if path.startswith((f"{each.label}.", f"{each.label}["))]
    below = [each for each in inputs if each.label.startswith(f"{path}.")]
    return next(iter([*exact, *above, *below]), None)
