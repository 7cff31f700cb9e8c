"""How drf-spectacular describes schemas, verbs, parameters and errors. Importing it registers the
extension."""

from collections.abc import Iterable
from enum import Enum
from typing import Any, get_args

from drf_spectacular.extensions import OpenApiSerializerExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from controlplane.core.requests import MAX_REASON
from controlplane.core.schema import Resource, Schema, shown
from controlplane.core.schema.filters import conditions

# Every call that changes something has it.
REASON_PARAMETER = OpenApiParameter(
    "X-Reason",
    {"type": "string", "maxLength": MAX_REASON},
    OpenApiParameter.HEADER,
    description="Why it is done, in UTF-8: kept in the audit log with what the call does.",
)
_ANYTHING_OR_NULL = [{}, {"type": "null"}]
_MEANINGS = {
    401: ("Unauthorized", "No identity: send `Authorization: Bearer <api key>`."),
    403: ("Forbidden", "The role or the key's scopes do not allow it."),
    404: ("Not found", "It does not exist, or belongs to another workspace."),
    409: ("Conflict", "The current state does not allow it."),
    413: ("Too large", "More bytes or tasks than one call may carry; the limit is named."),
    422: ("Invalid request", "Values that cannot be accepted, each with its field."),
    429: ("Too many requests", "The rate limit is exceeded; see `Retry-After`."),
    503: ("Unavailable", "The database is unreachable; nothing was written."),
}
_EVERYWHERE = (401, 403, 429, 503)

_REFERENCE = "#/components/schemas/{model}"


class Operation(AutoSchema):
    """Describes a verb: whether it returns a page of a list, and its tag."""

    def get_tags(self) -> list[str]:
        tag = getattr(self.view, "tag", "")
        return [tag] if tag else list(super().get_tags())

    def _get_serializer_name(
        self, serializer: Any, direction: Any, bypass_extensions: bool = False
    ) -> str:
        # A schema is of one direction by itself.
        if isinstance(serializer, type) and issubclass(serializer, Schema):
            return serializer.__name__
        return str(super()._get_serializer_name(serializer, direction, bypass_extensions))

    def _is_list_view(self, serializer: Any = None) -> bool:
        config = getattr(self.view, "current_verb", None)
        if config is None:
            return bool(super()._is_list_view(serializer))
        # It is called for the schemas of problems, too: only the verb's own answer is a list.
        return config.listed is not None and (serializer is None or serializer is config.shown)


class SchemaExtension(OpenApiSerializerExtension):
    """Components from the JSON Schema that pydantic makes of requests and resources."""

    target_class = "controlplane.core.schema.base.Schema"
    match_subclasses = True
    priority = 1  # before the one for any pydantic model

    def get_name(self, auto_schema: AutoSchema, direction: str) -> str:
        return str(self.target.__name__)

    def map_serializer(self, auto_schema: AutoSchema, direction: str) -> dict[str, Any]:
        found: dict[str, Any] = self.target.model_json_schema(
            ref_template=_REFERENCE,
            schema_generator=_JsonSchema,
            mode="validation" if direction == "request" else "serialization",
        )
        known = _types_in(self.target, {})
        for name, inner in found.pop("$defs", {}).items():
            component = ResolvedComponent(
                name=name,
                type=ResolvedComponent.SCHEMA,
                object=known.get(name, name),
                schema=inner,
            )
            auto_schema.registry.register_on_missing(component)
        return found


def _types_in(annotation: Any, found: dict[str, Any]) -> dict[str, Any]:
    """`found`, with the schemas and enumerations that a schema's fields are made of, by name."""
    for part in get_args(annotation):
        _types_in(part, found)
    is_named = isinstance(annotation, type) and issubclass(annotation, Enum | Schema)
    if not is_named or annotation.__name__ in found:
        return found
    found[annotation.__name__] = annotation
    if issubclass(annotation, Schema):
        for field in annotation.model_fields.values():
            _types_in(field.annotation, found)
    return found


class _JsonSchema(GenerateJsonSchema):
    """As the rest of the document is written: no titles, `double`, null as a second type."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        """Without the class's name, which the component has."""
        found = super().model_schema(schema)
        found.pop("title", None)
        return found

    def enum_schema(self, schema: core_schema.EnumSchema) -> JsonSchemaValue:
        found = super().enum_schema(schema)
        found.pop("title", None)
        return found

    def float_schema(self, schema: core_schema.FloatSchema) -> JsonSchemaValue:
        return {**super().float_schema(schema), "format": "double"}

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        """The values of an object may have any type."""
        found = super().dict_schema(schema)
        if found.get("additionalProperties") is True:
            found["additionalProperties"] = {}
        return found

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """Leaves out a default that only means "left out"."""
        found = super().default_schema(schema)
        if found.get("default", ...) in (None, [], {}, ()):
            found.pop("default", None)
        return found

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        """`type: [string, null]`; a schema that allows anything already allows null."""
        inner = self.generate_inner(schema["schema"])
        if not inner:
            return {}
        if isinstance(inner.get("type"), str):
            return {**inner, "type": [inner["type"], "null"]} | (
                {"enum": [*inner["enum"], None]} if "enum" in inner else {}
            )
        return {"oneOf": [inner, {"type": "null"}]}


def allow_null_in_any_json(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """A hook of drf-spectacular: a field of any JSON may be null. The generator writes "exactly one
    of anything and null" for a nullable JSON field. Null matches both, so a client that validates
    responses would refuse every null.
    """
    _correct(result)
    return result


def _correct(node: Any) -> None:
    if isinstance(node, list):
        for item in node:
            _correct(item)
    elif isinstance(node, dict):
        if node.get("oneOf") == _ANYTHING_OR_NULL:
            del node["oneOf"]
        for item in node.values():
            _correct(item)


def query_parameter(name: str, description: str, type_: Any = str, **more: Any) -> OpenApiParameter:
    return OpenApiParameter(name, type_, OpenApiParameter.QUERY, description=description, **more)


def filter_parameters(schema: type[Any], *, skip: Iterable[str] = ()) -> list[OpenApiParameter]:
    """One for each condition of a filter."""
    left_out = set(skip)
    return [
        _parameter(name, wanted.values.schema(), wanted.description, required=wanted.is_required)
        for name, (_, wanted) in conditions(schema).items()
        if name not in left_out
    ]


def _parameter(
    name: str, schema: dict[str, Any], description: str, *, required: bool
) -> OpenApiParameter:
    is_list = {"style": "form", "explode": False} if schema["type"] == "array" else {}
    return query_parameter(name, description, schema, required=required, **is_list)


class FieldError(Resource):
    """One thing that is wrong in a request."""

    field: str = shown("Like `tasks[3].type`.")
    message: str


class Problem(Resource):
    """RFC 9457."""

    type: str
    title: str
    status: int
    detail: str
    request_id: str
    errors: list[FieldError] = []


def problems(*statuses: int) -> dict[Any, OpenApiResponse]:
    """The error responses of an operation: these, and what any call may answer."""
    return {
        (status, "application/problem+json"): OpenApiResponse(
            Problem,
            description=_MEANINGS[status][1],
            examples=[OpenApiExample(_MEANINGS[status][0], value=_example(status))],
        )
        for status in sorted({*statuses, *_EVERYWHERE})
    }


def _example(status: int) -> dict[str, Any]:
    title, detail = _MEANINGS[status]
    found: dict[str, Any] = {
        "type": f"urn:taskplane:problem:{title.lower().replace(' ', '-')}",
        "title": title,
        "status": status,
        "detail": detail,
        "requestId": "019ab1c2-7d3e-7f00-8000-1f2e3d4c5b6a",
    }
    if status == 422:
        found["detail"] = "tasks[3].type: There is no task type 'nop'. Did you mean 'noop'?"
        found["errors"] = [
            {
                "field": "tasks[3].type",
                "message": "There is no task type 'nop'. Did you mean 'noop'?",
            }
        ]
    return found
