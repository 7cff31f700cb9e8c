"""Options that follow from what a schema declares: the conditions of a filter, and the fields of a
request. What a value may be is checked by the schema alone; here it only becomes a value.
"""

from argparse import ArgumentParser, BooleanOptionalAction
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from types import NoneType
from typing import Any, Protocol, TypeVar, get_args

import pydantic
from pydantic.alias_generators import to_snake
from pydantic_core import PydanticUndefined

from controlplane.core.clock import utc_z
from controlplane.core.console.options import TIME_HELP, identifier, time, time_or_age
from controlplane.core.console.output import EXIT_USAGE, CommandError, describe_refusal
from controlplane.core.errors import Invalid
from controlplane.core.schema.fields import Number, OneOf, Whole
from controlplane.core.schema.filters import Condition, build, conditions
from controlplane.core.schema.values import Choices, Moment, Texts, split_values

F = TypeVar("F")

# How a text of the command line becomes a value of this type, and what stands for it in the help.
_READERS: Mapping[Any, tuple[Callable[[str], Any], str]] = {
    int: (int, "N"),
    float: (float, "N"),
    datetime: (time, "TIME"),
}


class Parser(Protocol):
    """A parser, or a group of its options."""

    def add_argument(self, *names: str, **options: Any) -> Any: ...


def option_name(name: str) -> str:
    """`createdAt` or `created_at` as `--created-at`."""
    return "--" + to_snake(name).replace("_", "-")


def add_options(
    parser: ArgumentParser,
    schema: type[Any],
    *,
    skip: Collection[str] = (),
    aliases: Mapping[str, str] | None = None,
) -> None:
    """An option for each condition of a filter, but for those in `skip`. `aliases` are further
    names of options, by the condition's name."""
    group = parser.add_argument_group("filters")
    for name, (_, wanted) in conditions(schema).items():
        if name not in skip:
            alias = (aliases or {}).get(name)
            names = [option_name(name), *([alias] if alias else [])]
            group.add_argument(*names, dest=name, default=None, **_describe_condition(wanted))


def read_options(schema: type[F], options: Mapping[str, Any], **more: Any) -> F:
    """The filter of a command's options. `more`: values of fields for which there is no option.

    Raises CommandError with EXIT_USAGE, which names the options.
    """
    known = conditions(schema)
    given = {
        name: _read_values(wanted, options[name])
        for name, (_, wanted) in known.items()
        if options.get(name) not in (None, [])
    }
    try:
        return build(schema, given, **more)
    except Invalid as error:
        for each in error.errors:
            each["field"] = option_name(each["field"])
        raise CommandError(*describe_refusal(error), returncode=EXIT_USAGE) from error


def add_selection(
    parser: ArgumentParser,
    schema: type[Any],
    noun: str,
    *,
    aliases: Mapping[str, str] | None = None,
) -> None:
    """For a bulk action, which asks: ids, the conditions of a filter, or --all; and --dry-run."""
    parser.add_argument("ids", nargs="*", type=identifier, metavar="id", help=f"ids of {noun}")
    add_options(parser, schema, skip=("id", "all"), aliases=aliases)
    parser.add_argument(
        "--all", action="store_const", const=True, help=f"all {noun} of the workspace"
    )
    parser.add_argument("--dry-run", action="store_true", help="only count them")


def add_fields(
    parser: Parser,
    schema: type[pydantic.BaseModel],
    *names: str,
    aliases: Mapping[str, str] | None = None,
) -> None:
    """An option for each of these fields of a request, under the field's name. One that is not
    given has the field's default, or None."""
    for name in names:
        alias = (aliases or {}).get(name)
        parser.add_argument(
            option_name(name),
            *([alias] if alias else []),
            dest=name,
            **_describe_field(schema.model_fields[name]),
        )


def _describe_condition(wanted: Condition) -> dict[str, Any]:
    values = wanted.values
    text = _as_help(wanted.help)
    if values.is_flag:
        if values.empty is None:
            return {"action": BooleanOptionalAction, "help": text}
        return {"action": "store_const", "const": True, "help": text}
    options: dict[str, Any] = {"metavar": values.metavar, "help": text}
    if isinstance(values, Moment):
        options |= {"type": time_or_age, "help": f"{text}: {TIME_HELP}"}
    if isinstance(values, Choices):
        options["help"] = f"{text}. Values: {', '.join(values.choices)}"
    return options | ({"action": "append"} if isinstance(values, Texts) else {})


def _read_values(wanted: Condition, value: Any) -> Sequence[Any]:
    if isinstance(value, datetime):
        return [utc_z(value)]
    return split_values(map(str, value)) if isinstance(value, list) else [value]


def _describe_field(info: pydantic.fields.FieldInfo) -> dict[str, Any]:
    parts = [*info.metadata, *_parts_of(info.annotation)]
    default = None if info.default is PydanticUndefined else info.default
    options: dict[str, Any] = {"default": default}
    text = _as_help(info.description or "")
    for part in parts:
        if isinstance(part, OneOf):
            options["choices"] = part.values
        elif isinstance(part, Whole | Number):
            text += f", {_write_bound(part.minimum)} to {_write_bound(part.maximum)}"
        elif isinstance(part, type) and part in _READERS:
            options["type"], options["metavar"] = _READERS[part]
    if bool in parts:
        return {"action": "store_true", "help": text}
    if list in parts:
        return {"action": "append", "default": [], "help": f"{text}; may be repeated"}
    if default not in (None, ""):
        text += f" (default %(default){'g' if isinstance(default, float) else 's'})"
    return {**options, "help": text.removeprefix(", ")}


def _parts_of(annotation: Any) -> Iterator[Any]:
    """Every type and rule of which an annotation is made."""
    origin = getattr(annotation, "__origin__", annotation)
    if origin is not NoneType:
        yield origin
    for each in get_args(annotation):
        yield from _parts_of(each)


def _write_bound(number: float) -> str:
    return f"{number:,}" if isinstance(number, int) else f"{number:,g}"


def _as_help(text: str) -> str:
    """A sentence of a schema as the help of an option."""
    is_name = text[1:2].isupper()
    text = text if is_name else text[:1].lower() + text[1:]
    return text.removesuffix(".").replace("%", "%%")
