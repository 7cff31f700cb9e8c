"""The base of every schema: names in camelCase, unknown fields refused by name, one kind of error.

NUL and depth are refused where a body is parsed (`strictjson`) and, in texts, by `fields.Text`.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, ClassVar, Self

import pydantic
from pydantic import ConfigDict
from pydantic.alias_generators import to_camel
from pydantic_core import ErrorDetails, PydanticCustomError

from controlplane.core.errors import FieldError, Invalid

UNKNOWN_FIELD = "Unknown field."
REQUIRED_FIELD = "This field is required."
MAX_ERRORS = 100  # that one answer names
_MAX_NAME_SHOWN = 100

# Pydantic's messages are for programmers. Types that are not here have their own message.
_MESSAGES = {
    "missing": REQUIRED_FIELD,
    "extra_forbidden": UNKNOWN_FIELD,
    "bool_type": "This must be true or false.",
    "int_type": "This must be a whole number.",
    "float_type": "This must be a number.",
    "string_type": "This must be a string.",
    "dict_type": "This must be an object.",
    "model_type": "This must be an object.",
    "list_type": "This must be a list.",
    "uuid_type": "This must be an id.",
    "uuid_parsing": "An id, such as 018f6f2e-0000-7000-8000-000000000000.",
    "too_short": "At least {min_length} needed.",
    "too_long": "At most {max_length} allowed.",
}


class Schema(pydantic.BaseModel):
    """Fields of a request or of a resource."""

    model_config = ConfigDict(alias_generator=to_camel, hide_input_in_errors=True)


class Resource(Schema):
    """The fields that are shown of an object; `represent` reads them. Never instantiated, so its
    validator is not built: a hundred of them are a tenth of a command's start."""

    model_config = ConfigDict(defer_build=True)


class Request(Schema):
    """What a client sends. Its validator is built at its first use, or by `build_validators`.

    `null_is_absent`: a field that is null takes its default. `example`: what the form of the
    browsable API begins with, and the example in the OpenAPI document.
    """

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)
    null_is_absent: ClassVar[bool] = False
    example: ClassVar[Mapping[str, Any] | None] = None

    @classmethod
    def read(cls, body: Any, *, check: Callable[[Self], object] | None = None) -> Self:
        """The checked body. `check` raises Invalid for what a service would refuse; it is called
        only if unknown fields are the only errors, so that one response names everything.

        Raises Invalid, which names every wrong field by its path.
        """
        try:
            value = cls.model_validate(body)
        except pydantic.ValidationError:
            raise Invalid(errors=cls.find_problems(body, check)[:MAX_ERRORS]) from None
        if any(True for _ in value.cross_check()):
            raise Invalid(errors=cls.find_problems(body, check)[:MAX_ERRORS])
        return value

    @classmethod
    def find_problems(
        cls, body: Any, check: Callable[[Self], object] | None = None
    ) -> list[FieldError]:
        """All errors of a body: unknown fields, errors of the known ones, and what a service would
        refuse of valid values."""
        try:
            value = cls.model_validate(body)
        except pydantic.ValidationError as error:
            problems = read_problems(error)
            unknown = [part["loc"] for part in _details(error) if part["type"] == "extra_forbidden"]
        else:
            return [*value.cross_check(), *cls.further_problems(body, set())]
        problems += cls.further_problems(body, {problem["field"] for problem in problems})
        rest = _without(body, unknown)
        if not unknown or not rest:
            return problems
        try:
            value = cls.model_validate(rest)
        except pydantic.ValidationError:
            return problems  # the same errors without the unknown fields
        problems = [*value.cross_check(), *problems]
        try:
            if check is not None:
                check(value)
        except Invalid as more:
            problems = [*more.errors, *problems]
        return problems

    @pydantic.model_validator(mode="before")
    @classmethod
    def _look_at_members(cls, body: Any) -> Any:
        if not isinstance(body, dict):
            return body
        # Each unknown field is an error, and costs more memory than its bytes in a body.
        if len(body) > len(cls.model_fields) + MAX_ERRORS:
            raise PydanticCustomError("refused", f"{len(body)} fields exceed the limit.")
        if cls.null_is_absent and None in body.values():
            return {name: value for name, value in body.items() if value is not None}
        return body

    @property
    def content(self) -> dict[str, Any]:
        """The values by which two bodies are the same: all but the idempotency key, and what was
        left out and has no default."""
        return {
            name: value
            for name, value in self.model_dump(exclude={"idempotency_key"}).items()
            if value is not None or name in self.model_fields_set
        }

    def cross_check(self) -> Iterable[FieldError]:
        """Errors of the combination of fields that are each valid."""
        return ()

    @classmethod
    def further_problems(cls, body: Any, wrong: Collection[str]) -> Iterable[FieldError]:
        """What a service would refuse of a body whose fields `wrong` are already refused."""
        return ()


def build_validators() -> None:
    """Build those of all requests that are imported, which else wait for their first use: called by
    what is about to serve, so that no client waits for it."""
    waiting = [Request]
    for model in waiting:
        model.model_rebuild()
        waiting += model.__subclasses__()


def read_problems(error: pydantic.ValidationError, *, prefix: str = "") -> list[FieldError]:
    """Every error with its path, such as `tasks[3].type`, which begins with `prefix`."""
    return [
        FieldError(field=prefix + join_path(part["loc"]), message=_message(part))
        for part in _details(error)
    ]


def join_path(parts: Sequence[int | str]) -> str:
    """`("tasks", 3, "type")` as `tasks[3].type`."""
    path = ""
    for part in parts:
        if isinstance(part, int):
            path += f"[{part}]"
        else:
            path += f".{part[:_MAX_NAME_SHOWN]}" if path else part[:_MAX_NAME_SHOWN]
    return path


def _details(error: pydantic.ValidationError) -> list[ErrorDetails]:
    return error.errors(include_url=False, include_input=False)


def _message(part: ErrorDetails) -> str:
    known = _MESSAGES.get(part["type"])
    return part["msg"] if known is None else known.format_map(part.get("ctx", {}))


def _without(body: Any, paths: Sequence[Sequence[int | str]]) -> Any:
    """A copy without these members; parts that are not on the paths to them are shared."""
    if not paths:
        return body
    gone = {path[0] for path in paths if len(path) == 1}
    deeper: dict[int | str, list[Sequence[int | str]]] = {}
    for path in paths:
        if len(path) > 1:
            deeper.setdefault(path[0], []).append(path[1:])
    items = body.items() if isinstance(body, dict) else enumerate(body)
    kept = {key: _without(value, deeper.get(key, ())) for key, value in items if key not in gone}
    return kept if isinstance(body, dict) else list(kept.values())
