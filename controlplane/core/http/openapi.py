"""How drf-spectacular describes schemas and verbs. Importing it registers the extension."""

from enum import Enum
from typing import Any, get_args

from drf_spectacular.extensions import OpenApiSerializerExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from controlplane.core.schema import Schema

_REFERENCE = "#/components/schemas/{model}"


class Operation(AutoSchema):
    """Says of a verb whether it answers with a page of a list, and its chapter."""

    def get_tags(self) -> list[str]:
        """The tag of the view set."""
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
        """The class's name."""
        return str(self.target.__name__)

    def map_serializer(self, auto_schema: AutoSchema, direction: str) -> dict[str, Any]:
        """The schema itself; those in it become components of their own."""
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
        """A name says it."""
        return False

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        """Without the class's name, which the component has."""
        found = super().model_schema(schema)
        found.pop("title", None)
        return found

    def enum_schema(self, schema: core_schema.EnumSchema) -> JsonSchemaValue:
        """Without title."""
        found = super().enum_schema(schema)
        found.pop("title", None)
        return found

    def float_schema(self, schema: core_schema.FloatSchema) -> JsonSchemaValue:
        """A double."""
        return {**super().float_schema(schema), "format": "double"}

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        """Any value may stand in an object of any values."""
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
        """`type: [string, null]`; what may be anything may be null anyway."""
        inner = self.generate_inner(schema["schema"])
        if not inner:
            return {}
        if isinstance(inner.get("type"), str):
            return {**inner, "type": [inner["type"], "null"]} | (
                {"enum": [*inner["enum"], None]} if "enum" in inner else {}
            )
        return {"oneOf": [inner, {"type": "null"}]}
